#include "kernels/cost.hpp"
#include "kernels/cuda/device.cuh"
#include "kernels/cuda/matrix.cuh"
#include "kernels/workspace.hpp"

// The cost kernel on tensor cores. They multiply and add but know no absolute value, so of every 16 features
//   u|c-m| = 2u max(c,m)  - uc - um    is used for the first 8 and
//   u|c-m| = 2u relu(m-c) + uc - um    for the others:
// one instruction for two elements either way, and the two go to different pipes. For one row r of centroids a matrix
// A [16 columns x 16 features] of max(c,m) and relu(m-c) is multiplied by a matrix B [16 features x 8] that has 2u of
// the row in column r % 8 and zeros elsewhere, so that eight rows share one matrix of sums [16 columns x 8 rows], in
// f32. The sums of -um of eight rows are one more product, with A = m, to the same sums: they never grow much beyond
// the cost. The sums of -+uc are a constant a row, made when the parameters are packed.
namespace alignment::kernels::cuda {
namespace {

constexpr int kPanel = static_cast<int>(kPanelWidth);
constexpr int kStage = static_cast<int>(kHalfFeatureStage);
constexpr int kOctet = 8;                             ///< features of a row of an 8 x 8 matrix
constexpr int kChunk = 2 * kOctet;                    ///< features that a product sums
constexpr int kGroup = 8, kFragmentColumns = 16;      ///< rows and columns of a matrix of sums
constexpr int kWarps = 4, kThreads = kWarps * kWarp;  ///< of a block
constexpr int kWarpRows = kPanel / kWarps;            ///< all columns of the block
constexpr int kGroups = kWarpRows / kGroup;
constexpr int kPiece = 8;                             ///< halves of an asynchronous copy of 16 bytes
constexpr int kParameterChunk = 2 * kPanel * kChunk;  ///< halves: centroids and weights of a panel

/// 64 x Panels*64 elements a block.
template <int Panels>
struct Tile {
  static constexpr int kColumns = Panels * kPanel, kFragments = kColumns / kFragmentColumns;
  static constexpr int kParameterNumbers = 2 * kPanel * kStage, kSampleNumbers = kPanel * kStage;  ///< halves
  static constexpr int kStageNumbers = kParameterNumbers + Panels * kSampleNumbers;
  static constexpr std::size_t kSharedBytes = 2 * kStageNumbers * sizeof(__half);
};

/// A stage in shared memory, as in the packed arrays: that of the 64 rows, then of each panel of 64 columns. All
/// pointers are to this thread's first piece.
template <int Panels>
__device__ __forceinline__ void copy_stage(const __half* parameters, const __half* samples, int panel_numbers,
                                           __half* stage) {
  using T = Tile<Panels>;
  constexpr int kPieces = kThreads * kPiece;
#pragma unroll
  for (int first = 0; first < T::kParameterNumbers; first += kPieces) {
    __pipeline_memcpy_async(stage + first, parameters + first, 16);
  }
#pragma unroll
  for (int panel = 0; panel < Panels; ++panel) {
#pragma unroll
    for (int first = 0; first < T::kSampleNumbers; first += kPieces) {
      __pipeline_memcpy_async(stage + T::kParameterNumbers + panel * T::kSampleNumbers + first,
                              samples + panel * panel_numbers + first, 16);
    }
  }
  __pipeline_commit();
}

/// Of a chunk, the features 2*(lane%4)+{0,1} of both octets.
struct alignas(8) Octets {
  unsigned x[2];
};
struct alignas(16) RowPair {
  Octets row[2];
};

template <int Panels>
__global__ void __launch_bounds__(kThreads, Panels == 2 ? 3 : 5)
    half_cost_kernel(const __half* __restrict__ parameters, const float* __restrict__ constants,
                     const __half* __restrict__ samples, int stages, std::int64_t total_steps, std::int64_t stride,
                     float* __restrict__ cost) {
  using T = Tile<Panels>;
  __half* const shared = dynamic_shared<__half>();
  const int thread = static_cast<int>(threadIdx.x), panel_numbers = stages * T::kSampleNumbers;
  parameters += static_cast<std::int64_t>(blockIdx.x) * stages * T::kParameterNumbers + thread * kPiece;
  samples += static_cast<std::int64_t>(blockIdx.y) * Panels * panel_numbers + thread * kPiece;

  const int lane = thread % kWarp, warp_row = thread / kWarp * kWarpRows;
  const int pair = lane % 4 * kPiece;                                        // this lane's of a pair of rows
  const int weight = (lane / 8 * 4 + lane % 4) * kPiece + lane / 4 % 2 * 4;  // this lane's of a group
  const int sample = (lane / kFragmentColumns * kPanel + lane % kFragmentColumns) * kOctet;
  const __half2 one = __floats2half2_rn(1.0F, 1.0F), minus_half = __floats2half2_rn(-0.5F, -0.5F);

  FloatFragment sum[kGroups][T::kFragments];
  constants += static_cast<std::int64_t>(blockIdx.x) * kPanel + warp_row + lane % 4 * 2;
#pragma unroll
  for (int g = 0; g < kGroups; ++g) {
    const float2 constant = *reinterpret_cast<const float2*>(constants + g * kGroup);
#pragma unroll
    for (int n = 0; n < T::kFragments; ++n) sum[g][n] = FloatFragment{{constant.x, constant.y, constant.x, constant.y}};
  }
  copy_stage<Panels>(parameters, samples, panel_numbers, shared + thread * kPiece);
  for (int s = 0; s < stages; ++s) {
    const int stage = s % 2 * T::kStageNumbers, next = T::kStageNumbers - stage;
    __pipeline_wait_prior(0);
    __syncthreads();  // this stage is there, and nobody reads the other any more
    if (s + 1 < stages) {
      parameters += T::kParameterNumbers;
      samples += T::kSampleNumbers;
      copy_stage<Panels>(parameters, samples, panel_numbers, shared + next + thread * kPiece);
    }
    const __half* centroids = shared + stage + warp_row * kChunk;
    const __half* octets = shared + stage + T::kParameterNumbers + sample;
#pragma unroll 1
    for (int chunk = 0; chunk < kStage / kChunk; ++chunk) {
      HalfFragmentA m[T::kFragments];
#pragma unroll
      for (int n = 0; n < T::kFragments; ++n) {
        constexpr int kPerPanel = kPanel / kFragmentColumns;
        m[n] = load_matrices(octets + n / kPerPanel * T::kSampleNumbers + n % kPerPanel * kFragmentColumns * kOctet);
      }
#pragma unroll
      for (int g = 0; g < kGroups; ++g) {
        const __half* const group = centroids + g * kGroup * kChunk;
        const Octets twice = *reinterpret_cast<const Octets*>(group + kPanel * kChunk + weight);
        const HalfFragmentB negative{
            {bits_of(__hmul2(halves_of(twice.x[0]), minus_half)), bits_of(__hmul2(halves_of(twice.x[1]), minus_half))}};
#pragma unroll
        for (int n = 0; n < T::kFragments; ++n) multiply_add(sum[g][n], m[n], negative);
#pragma unroll
        for (int r = 0; r < kGroup; r += 2) {
          const RowPair rows = *reinterpret_cast<const RowPair*>(group + r * kChunk + pair);
#pragma unroll
          for (int odd = 0; odd < 2; ++odd) {
            const bool mine = lane / 4 == r + odd;
            const HalfFragmentB only{{mine ? twice.x[0] : 0U, mine ? twice.x[1] : 0U}};
            const __half2 low = halves_of(rows.row[odd].x[0]), high = __hneg2(halves_of(rows.row[odd].x[1]));
#pragma unroll
            for (int n = 0; n < T::kFragments; ++n) {
              const HalfFragmentA part{{bits_of(__hmax2(low, halves_of(m[n].x[0]))),
                                        bits_of(__hmax2(low, halves_of(m[n].x[1]))),
                                        bits_of(__hfma2_relu(halves_of(m[n].x[2]), one, high)),
                                        bits_of(__hfma2_relu(halves_of(m[n].x[3]), one, high))}};
              multiply_add(sum[g][n], part, only);
            }
          }
        }
      }
      centroids += kParameterChunk;
      octets += 2 * kPanel * kOctet;
    }
  }

  cost += static_cast<std::int64_t>(blockIdx.x) * kPanel + warp_row + lane % 4 * 2;
#pragma unroll
  for (int n = 0; n < T::kFragments; ++n) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const std::int64_t column = static_cast<std::int64_t>(blockIdx.y) * T::kColumns + n * kFragmentColumns +
                                  half * (kFragmentColumns / 2) + lane / 4;
      if (column >= total_steps) continue;
#pragma unroll
      for (int g = 0; g < kGroups; ++g) {
        const float* const x = sum[g][n].x + 2 * half;
        // Of a cost near 0, roundings may leave less than nothing.
        *reinterpret_cast<float2*>(cost + column * stride + g * kGroup) =
            make_float2(fmaxf(x[0], 0.0F), fmaxf(x[1], 0.0F));
      }
    }
  }
}

template <int Panels>
void launch_cost(const HalfPackedParameters& parameters, const void* packed_samples, std::int64_t total_steps,
                 float* cost, Stream stream) {
  using T = Tile<Panels>;
  const std::int64_t rows = parameters.classes * parameters.steps;
  launch("half_cost", half_cost_kernel<Panels>,
         grid(divide_up<std::int64_t>(rows, kPanel), divide_up<std::int64_t>(total_steps, T::kColumns)), kThreads,
         T::kSharedBytes, stream, static_cast<const __half*>(parameters.halves), parameters.constants,
         static_cast<const __half*>(packed_samples),
         static_cast<int>(divide_up(parameters.feature_dim, kHalfFeatureStage)), total_steps,
         cost_stride(parameters.classes, parameters.steps), cost);
}

// ------------------------------------------------------------------------------------------------------------ packing

constexpr int kPackThreads = 256, kPackGroups = kPackThreads / kWarp;

struct Arrays {
  __half* halves;
  float *constants, *shifts, *scales, *class_factors;
};

Arrays carve(Workspace& workspace, std::int64_t classes, std::int64_t steps, std::int64_t feature_dim) {
  const std::int64_t features = padded_to(feature_dim, kHalfFeatureStage);
  const std::int64_t rows = padded_to(classes * steps, kTileWidth);
  return {workspace.request<__half>(2 * rows * features), workspace.request<float>(rows),
          workspace.request<float>(feature_dim), workspace.request<float>(feature_dim),
          workspace.request<float>(classes)};
}

/// The power of two that makes `value` at least 1/2 and less than 1; 1 where there is none in f32.
__device__ __forceinline__ float normalising_factor(float value) {
  constexpr int kMostExponent = 100;
  if (!(value > 0.0F) || !isfinite(value)) return 1.0F;
  int exponent = 0;
  frexpf(value, &exponent);
  return ldexpf(1.0F, -max(-kMostExponent, min(kMostExponent, exponent)));
}

/// Sums of the groups of threads that share a lane, in the order of the groups.
__device__ __forceinline__ double sum_over_groups(double value, double (&shared)[kPackGroups][kWarp], int group,
                                                  int lane) {
  __syncthreads();  // what was there has been read
  shared[group][lane] = value;
  __syncthreads();
  double sum = 0;
  for (int g = 0; g < kPackGroups; ++g) sum += shared[g][lane];
  return sum;
}

/// A block has 32 features; its groups of 32 threads share the rows [C*K].
__global__ void __launch_bounds__(kPackThreads)
    feature_scales_kernel(const float* __restrict__ centroids, std::int64_t rows, std::int64_t feature_dim,
                          float* __restrict__ shifts, float* __restrict__ scales) {
  __shared__ double shared[kPackGroups][kWarp];
  const int lane = static_cast<int>(threadIdx.x) % kWarp, group = static_cast<int>(threadIdx.x) / kWarp;
  const std::int64_t feature = static_cast<std::int64_t>(blockIdx.x) * kWarp + lane;
  const bool inside = feature < feature_dim;
  double sum = 0;
  for (std::int64_t row = group; inside && row < rows; row += kPackGroups)
    sum += centroids[row * feature_dim + feature];
  const double mean = sum_over_groups(sum, shared, group, lane) / static_cast<double>(rows);
  double spread = 0;
  for (std::int64_t row = group; inside && row < rows; row += kPackGroups) {
    spread += fabs(centroids[row * feature_dim + feature] - mean);
  }
  spread = sum_over_groups(spread, shared, group, lane) / static_cast<double>(rows);
  if (group != 0 || !inside) return;
  const float scale = normalising_factor(static_cast<float>(spread));
  const float shift = rintf(static_cast<float>(mean) * scale) / scale;
  scales[feature] = scale;
  shifts[feature] = isfinite(shift) ? shift : 0.0F;
}

/// A block a class.
__global__ void __launch_bounds__(kPackThreads)
    class_factors_kernel(const float* __restrict__ weights, const float* __restrict__ scales, std::int64_t steps,
                         std::int64_t feature_dim, float* __restrict__ class_factors) {
  __shared__ float shared[kPackThreads];
  const std::int64_t c = blockIdx.x;
  float largest = 0.0F;
  for (std::int64_t i = 0; i < steps; ++i) {
    for (std::int64_t f = threadIdx.x; f < feature_dim; f += kPackThreads) {
      largest = fmaxf(largest, weights[(c * steps + i) * feature_dim + f] / scales[f]);
    }
  }
  shared[threadIdx.x] = largest;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int t = 1; t < kPackThreads; ++t) largest = fmaxf(largest, shared[t]);
  class_factors[c] = normalising_factor(largest);
}

/// Not a number becomes the lower bound.
__device__ __forceinline__ float within(float value, float low, float high) {
  return fminf(fmaxf(value, low), high);
}

__device__ __forceinline__ float scaled(float value, float shift, float scale) {
  return within((value - shift) * scale, -kHalfLimit, kHalfLimit);
}

/// Eight halves of a packed array.
struct alignas(16) Piece {
  __half2 x[kPiece / 2];
};

__global__ void __launch_bounds__(kPackThreads)
    pack_half_parameters_kernel(const float* __restrict__ centroids, const float* __restrict__ weights,
                                const float* __restrict__ shifts, const float* __restrict__ scales,
                                const float* __restrict__ class_factors, std::int64_t classes, std::int64_t steps,
                                std::int64_t feature_dim, std::int64_t padded_features, __half* __restrict__ packed) {
  // A block has 32 rows by 32 features; neighbouring threads read neighbouring features and write neighbouring pieces.
  constexpr int kPiecesOfChunk = kWarp * kChunk / kPiece, kChunks = kWarp / kChunk;
  static_assert(2 * kChunks * kPiecesOfChunk == kPackThreads);
  __shared__ float turned[2][kWarp][kWarp + 1];
  const std::int64_t first_row = static_cast<std::int64_t>(blockIdx.x) * kWarp;
  const std::int64_t first_feature = static_cast<std::int64_t>(blockIdx.y) * kWarp;
  const int thread = static_cast<int>(threadIdx.x), lane = thread % kWarp, group = thread / kWarp;
  for (int r = group; r < kWarp; r += kPackGroups) {
    const std::int64_t row = first_row + r, feature = first_feature + lane, c = row % classes;  // row = i*C + c
    float centroid = 0.0F, weight = 0.0F;
    if (row < classes * steps && feature < feature_dim) {
      const std::int64_t at = (c * steps + row / classes) * feature_dim + feature;
      centroid = scaled(centroids[at], shifts[feature], scales[feature]);
      weight = within(weights[at] / scales[feature] * class_factors[c], 0.0F, 1.0F);
    }
    turned[0][r][lane] = centroid;
    turned[1][r][lane] = __half2float(__float2half_rn(weight)) * 2.0F;
  }
  __syncthreads();
  const int piece = thread % kPiecesOfChunk, chunk = thread / kPiecesOfChunk % kChunks;
  const int which = thread / (kPiecesOfChunk * kChunks);
  const auto halves = [&](int row, int octet) {
    const float* const numbers = turned[which][piece / 4 * 2 + row] + chunk * kChunk + octet * kOctet + piece % 4 * 2;
    return __floats2half2_rn(numbers[0], numbers[1]);
  };
  __half* const panel = packed + first_row / kPanel * 2 * padded_features * kPanel + first_row % kPanel * kChunk;
  *reinterpret_cast<Piece*>(panel + (2 * (first_feature / kChunk + chunk) + which) * kPanel * kChunk +
                            piece * kPiece) = {{halves(0, 0), halves(0, 1), halves(1, 0), halves(1, 1)}};
}

/// What a row's sums begin with. A warp a row.
__global__ void __launch_bounds__(kPackThreads)
    half_constants_kernel(const __half* __restrict__ packed, std::int64_t padded_features,
                          float* __restrict__ constants) {
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * kPackGroups + threadIdx.x / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const __half* const numbers =
      packed + row / kPanel * 2 * padded_features * kPanel + row % kPanel / 2 * 2 * kChunk + row % 2 * 4;
  double sum = 0;
  for (std::int64_t f = lane; f < padded_features; f += kWarp) {
    const std::int64_t octet = f / kOctet % 2;
    const __half* const at = numbers + f / kChunk * kParameterChunk + f % kOctet / 2 * kPiece + octet * 2 + f % 2;
    const double product = static_cast<double>(__half2float(at[0])) * __half2float(at[kPanel * kChunk]) / 2;
    sum += octet == 0 ? -product : product;
  }
  for (int mask = kWarp / 2; mask > 0; mask /= 2) sum += __shfl_xor_sync(kAllLanes, sum, mask);
  if (lane == 0) constants[row] = static_cast<float>(sum);
}

template <typename Feature>
__global__ void __launch_bounds__(kPackThreads)
    pack_half_samples_kernel(const Feature* __restrict__ features, const std::int64_t* __restrict__ first_rows,
                             const std::int32_t* __restrict__ offsets, int count, std::int64_t feature_dim,
                             std::int64_t stride, std::int64_t padded_features, const float* __restrict__ shifts,
                             const float* __restrict__ scales, __half* __restrict__ packed) {
  __shared__ float turned[kWarp][kWarp + 1];
  const std::int64_t first_column = static_cast<std::int64_t>(blockIdx.x) * kWarp;
  const std::int64_t first_feature = static_cast<std::int64_t>(blockIdx.y) * kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp, group = static_cast<int>(threadIdx.x) / kWarp;
  for (int k = group; k < kWarp; k += kPackGroups) {
    const std::int64_t column = first_column + k, feature = first_feature + lane;
    float value = 0.0F;
    if (column < offsets[count] && feature < feature_dim) {
      const std::int64_t row = row_of_column(first_rows, offsets, count, column);
      value = scaled(feature_at(features + row * stride, feature), shifts[feature], scales[feature]);
    }
    turned[k][lane] = value;
  }
  __syncthreads();
  const int octet = group;
  if (octet >= kWarp / kOctet) return;
  const float* const numbers = turned[lane] + octet * kOctet;
  Piece piece;
#pragma unroll
  for (int x = 0; x < kPiece / 2; ++x) piece.x[x] = __floats2half2_rn(numbers[2 * x], numbers[2 * x + 1]);
  __half* const panel = packed + first_column / kPanel * padded_features * kPanel + first_column % kPanel * kOctet;
  *reinterpret_cast<Piece*>(panel + (first_feature / kOctet + octet) * kPanel * kOctet + lane * kOctet) = piece;
}

}  // namespace

std::size_t half_packed_parameter_bytes(std::int64_t classes, std::int64_t steps, std::int64_t feature_dim) {
  Workspace sizing(nullptr);
  carve(sizing, classes, steps, feature_dim);
  return sizing.required_bytes();
}

HalfPackedParameters pack_half_parameters(const ParametersView<float>& parameters, std::byte* packed, Stream stream) {
  static_assert(kHalfFeatureStage % kWarp == 0 && kTileWidth % kPanelWidth == 0);
  Workspace arena(packed);
  const std::int64_t classes = parameters.classes, steps = parameters.steps, feature_dim = parameters.feature_dim;
  const Arrays arrays = carve(arena, classes, steps, feature_dim);
  launch("feature_scales", feature_scales_kernel, grid(divide_up<std::int64_t>(feature_dim, kWarp)), kPackThreads, 0,
         stream, parameters.centroids, classes * steps, feature_dim, arrays.shifts, arrays.scales);
  launch("class_factors", class_factors_kernel, grid(classes), kPackThreads, 0, stream, parameters.weights,
         arrays.scales, steps, feature_dim, arrays.class_factors);
  const std::int64_t features = padded_to(feature_dim, kHalfFeatureStage);
  launch("pack_half_parameters", pack_half_parameters_kernel,
         grid(padded_to(classes * steps, kTileWidth) / kWarp, features / kWarp), kPackThreads, 0, stream,
         parameters.centroids, parameters.weights, arrays.shifts, arrays.scales, arrays.class_factors, classes, steps,
         feature_dim, features, arrays.halves);
  launch("half_constants", half_constants_kernel, grid(padded_to(classes * steps, kTileWidth) / kPackGroups),
         kPackThreads, 0, stream, arrays.halves, features, arrays.constants);
  return {arrays.halves,        arrays.constants, arrays.shifts, arrays.scales,
          arrays.class_factors, classes,          steps,         feature_dim};
}

void pack_half_samples(const HalfPackedParameters& parameters, const Samples& samples, void* packed, Stream stream) {
  const std::int64_t features = padded_to(samples.feature_dim, kHalfFeatureStage);
  with_feature_type(samples.type, [&](auto* type) {
    using Feature = std::remove_cv_t<std::remove_pointer_t<decltype(type)>>;
    launch("pack_half_samples", pack_half_samples_kernel<Feature>,
           grid(padded_to(samples.total_steps, kTileWidth) / kWarp, features / kWarp), kPackThreads, 0, stream,
           static_cast<const Feature*>(samples.features), samples.first_rows, samples.offsets,
           static_cast<int>(samples.count), samples.feature_dim, feature_stride(samples.feature_dim), features,
           parameters.shifts, parameters.scales, static_cast<__half*>(packed));
  });
}

void cost_matrices(const HalfPackedParameters& parameters, const void* packed_samples, std::int64_t total_steps,
                   float* cost, Stream stream) {
  // Large tiles need fewer loads an element; small ones keep more of the GPU busy where there are few.
  constexpr std::int64_t kEnoughTiles = 256;
  const std::int64_t rows = parameters.classes * parameters.steps;
  if (divide_up(rows, kPanelWidth) * divide_up(total_steps, 2 * kPanelWidth) >= kEnoughTiles) {
    launch_cost<2>(parameters, packed_samples, total_steps, cost, stream);
  } else {
    launch_cost<1>(parameters, packed_samples, total_steps, cost, stream);
  }
}

}  // namespace alignment::kernels::cuda
