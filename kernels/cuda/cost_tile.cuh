// What the cost kernels in f32 and in bytes share: a product of matrices in which weight*|centroid - m| takes the place
// of the multiplication. Rows are centroid steps of classes, columns are steps of samples, the sum runs over features,
// or over groups of them where a word holds several. Two instructions a word is the least there is, and every other
// instruction costs one of theirs: hence an 8x8 tile in each thread's registers, fed with 16-byte loads from shared
// memory, which asynchronous copies fill for the stage after meanwhile. A block of 128 threads may have 168 registers a
// thread with three blocks on a multiprocessor: enough that no instruction finds its operands in one register bank.
#pragma once

#include "kernels/cost.hpp"
#include "kernels/cuda/device.cuh"

namespace alignment::kernels::cuda {

/// 64 rows x Panels*64 columns a block; words of 4 bytes.
template <int Panels>
struct CostTile {
  static constexpr int kPanel = static_cast<int>(kPanelWidth), kStage = static_cast<int>(kFeatureStage);
  static constexpr int kThreadRows = 8, kThreadColumns = 8;
  static constexpr int kWarpRows = 32, kWarpColumns = 64;  ///< 4 x 8 threads
  static constexpr int kPiece = 4;                         ///< words of an asynchronous copy of 16 bytes
  static constexpr int kColumns = Panels * kPanel;
  static constexpr int kThreads = kPanel * kColumns / (kThreadRows * kThreadColumns);
  static constexpr int kParameterWords = kStage * 2 * kPanel, kSampleWords = kStage * kPanel;  ///< a stage and panel
  static constexpr int kStageWords = kParameterWords + Panels * kSampleWords;
  static constexpr std::size_t kSharedBytes = std::size_t{2} * kStageWords * 4;
  static constexpr int kBlocks = Panels == 2 ? 3 : 6;  ///< on a multiprocessor
};

/// A stage in shared memory, as in the packed arrays: [kStage][centroids of 64 rows, weights of 64 rows], then
/// [panel][kStage][64 columns]. All pointers are to this thread's first piece.
template <int Panels, typename Word>
__device__ __forceinline__ void copy_cost_stage(const Word* parameters, const Word* samples, int panel_words,
                                                Word* stage) {
  using T = CostTile<Panels>;
  constexpr int kPieces = T::kThreads * T::kPiece;
#pragma unroll
  for (int first = 0; first < T::kParameterWords; first += kPieces) {
    __pipeline_memcpy_async(stage + first, parameters + first, 16);
  }
#pragma unroll
  for (int panel = 0; panel < Panels; ++panel) {
#pragma unroll
    for (int first = 0; first < T::kSampleWords; first += kPieces) {
      __pipeline_memcpy_async(stage + T::kParameterWords + panel * T::kSampleWords + first,
                              samples + panel * panel_words * T::kPanel + first, 16);
    }
  }
  __pipeline_commit();
}

/// Words of eight rows or columns: two groups of four, `apart` from each other.
template <typename Word>
struct EightWords {
  struct alignas(16) Four {
    Word value[4];
  };
  __device__ __forceinline__ EightWords(const Word* words, int apart)
      : four{*reinterpret_cast<const Four*>(words), *reinterpret_cast<const Four*>(words + apart)} {}
  __device__ __forceinline__ Word operator[](int k) const { return four[k / 4].value[k % 4]; }

  Four four[2];
};

/// Arithmetic: Word, Sum, add(sum, centroid, weight, m) of one word, and cost(sum) in f32.
template <typename Arithmetic, int Panels>
__device__ __forceinline__ void compute_cost_tile(const typename Arithmetic::Word* __restrict__ parameters,
                                                  const typename Arithmetic::Word* __restrict__ samples, int stages,
                                                  std::int64_t total_steps, std::int64_t stride,
                                                  float* __restrict__ cost) {
  using T = CostTile<Panels>;
  using Word = typename Arithmetic::Word;
  static_assert(sizeof(Word) == 4);
  Word* const shared = dynamic_shared<Word>();
  const int thread = static_cast<int>(threadIdx.x), panel_words = stages * T::kStage;
  parameters += static_cast<std::int64_t>(blockIdx.x) * panel_words * 2 * T::kPanel + thread * T::kPiece;
  samples += static_cast<std::int64_t>(blockIdx.y) * Panels * panel_words * T::kPanel + thread * T::kPiece;

  const int warp = thread / kWarp, lane = thread % kWarp;
  const int row = warp % (T::kPanel / T::kWarpRows) * T::kWarpRows + lane / 8 * 4;
  const int panel = warp / (T::kPanel / T::kWarpRows), column = lane % 8 * 4;

  typename Arithmetic::Sum sum[T::kThreadColumns][T::kThreadRows] = {};
  copy_cost_stage<Panels>(parameters, samples, panel_words, shared + thread * T::kPiece);
  for (int s = 0; s < stages; ++s) {
    const int stage = s % 2 * T::kStageWords, next = T::kStageWords - stage;
    __pipeline_wait_prior(0);
    __syncthreads();  // this stage is there, and nobody reads the other any more
    if (s + 1 < stages) {
      parameters += T::kParameterWords;
      samples += T::kSampleWords;
      copy_cost_stage<Panels>(parameters, samples, panel_words, shared + next + thread * T::kPiece);
    }
    const Word* const row_words = shared + stage + row;
    const Word* const column_words = shared + stage + T::kParameterWords + panel * T::kSampleWords + column;
#pragma unroll 8
    for (int k = 0; k < T::kStage; ++k) {
      const EightWords<Word> centroid(row_words + 2 * k * T::kPanel, T::kWarpRows / 2);
      const EightWords<Word> weight(row_words + (2 * k + 1) * T::kPanel, T::kWarpRows / 2);
      const EightWords<Word> m(column_words + k * T::kPanel, T::kWarpColumns / 2);
#pragma unroll
      for (int j = 0; j < T::kThreadColumns; ++j) {
#pragma unroll
        for (int i = 0; i < T::kThreadRows; ++i) sum[j][i] = Arithmetic::add(sum[j][i], centroid[i], weight[i], m[j]);
      }
    }
  }

  cost += static_cast<std::int64_t>(blockIdx.x) * T::kPanel + row;
#pragma unroll
  for (int j = 0; j < T::kThreadColumns; ++j) {
    const std::int64_t at = static_cast<std::int64_t>(blockIdx.y) * T::kColumns + panel * T::kPanel + column +
                            j / 4 * (T::kWarpColumns / 2) + j % 4;
    if (at >= total_steps) continue;
    float* const element = cost + at * stride;
#pragma unroll
    for (int i = 0; i < T::kThreadRows; i += 4) {
      *reinterpret_cast<float4*>(element + i / 4 * (T::kWarpRows / 2)) =
          make_float4(Arithmetic::cost(sum[j][i]), Arithmetic::cost(sum[j][i + 1]), Arithmetic::cost(sum[j][i + 2]),
                      Arithmetic::cost(sum[j][i + 3]));
    }
  }
}

/// Starts `large`, of tiles 64 x 128, or `small`, of tiles 64 x 64. Large tiles need fewer loads an element; small ones
/// keep more of the GPU busy where there are few.
template <typename Word>
void launch_cost(const char* name, void (*large)(const Word*, const Word*, int, std::int64_t, std::int64_t, float*),
                 void (*small)(const Word*, const Word*, int, std::int64_t, std::int64_t, float*),
                 const Word* parameters, const Word* samples, std::int64_t words, std::int64_t rows,
                 std::int64_t total_steps, std::int64_t stride, float* cost, Stream stream) {
  constexpr std::int64_t kEnoughTiles = 256;
  const int stages = static_cast<int>(divide_up(words, kFeatureStage));
  const auto start = [&](auto tile, auto kernel) {
    using T = decltype(tile);
    launch(name, kernel,
           grid(divide_up<std::int64_t>(rows, T::kPanel), divide_up<std::int64_t>(total_steps, T::kColumns)),
           T::kThreads, T::kSharedBytes, stream, parameters, samples, stages, total_steps, stride, cost);
  };
  if (divide_up(rows, kPanelWidth) * divide_up(total_steps, 2 * kPanelWidth) >= kEnoughTiles) {
    start(CostTile<2>(), large);
  } else {
    start(CostTile<1>(), small);
  }
}

}  // namespace alignment::kernels::cuda
