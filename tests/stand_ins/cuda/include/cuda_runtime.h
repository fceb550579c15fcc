#pragma once

// Stands in for CUDA's header of this name, so that CUDA sources compile as plain C++ and run on the CPU (see
// ../cuda_shim.hpp). Names and meaning are CUDA's, for the part that this project uses.

#include <math.h>  // and not only cmath: CUDA has isfinite and its like outside any namespace

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#define CUDART_VERSION 13000
#define CUDART_CB

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
// All threads of all blocks run on one thread of the host, so what is local to that is shared by a block. It also makes
// `extern __shared__ T name[]` a declaration.
#define __shared__ thread_local

// ---- vector types

struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) double2 {
  double x, y;
};
struct alignas(8) int2 {
  int x, y;
};
struct alignas(16) int4 {
  int x, y, z, w;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct uint3 {
  unsigned x, y, z;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct dim3 {
  constexpr dim3(unsigned x_extent = 1, unsigned y_extent = 1, unsigned z_extent = 1)
      : x(x_extent), y(y_extent), z(z_extent) {}
  unsigned x, y, z;
};

inline float2 make_float2(float x, float y) {
  return {x, y};
}
inline float4 make_float4(float x, float y, float z, float w) {
  return {x, y, z, w};
}
inline double2 make_double2(double x, double y) {
  return {x, y};
}
inline int2 make_int2(int x, int y) {
  return {x, y};
}
inline int4 make_int4(int x, int y, int z, int w) {
  return {x, y, z, w};
}
inline uint2 make_uint2(unsigned x, unsigned y) {
  return {x, y};
}
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) {
  return {x, y, z, w};
}

// ---- handles, errors, structures

using cudaStream_t = struct CUstream_st*;
using cudaEvent_t = struct CUevent_st*;
using cudaHostFn_t = void (*)(void*);

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorCudartUnloading = 4,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorInvalidMemcpyDirection = 21,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorInvalidResourceHandle = 400,
  cudaErrorNotReady = 600,
  cudaErrorIllegalAddress = 700,
  cudaErrorLaunchFailure = 719,
  cudaErrorNotSupported = 801,
  cudaErrorUnknown = 999
};

enum cudaMemcpyKind {
  cudaMemcpyHostToHost = 0,
  cudaMemcpyHostToDevice = 1,
  cudaMemcpyDeviceToHost = 2,
  cudaMemcpyDeviceToDevice = 3,
  cudaMemcpyDefault = 4
};

enum cudaMemoryType {
  cudaMemoryTypeUnregistered = 0,
  cudaMemoryTypeHost = 1,
  cudaMemoryTypeDevice = 2,
  cudaMemoryTypeManaged = 3
};

struct cudaPointerAttributes {
  cudaMemoryType type;
  int device;
  void* devicePointer;
  void* hostPointer;
};

enum cudaFuncAttribute {
  cudaFuncAttributeMaxDynamicSharedMemorySize = 8,
  cudaFuncAttributePreferredSharedMemoryCarveout = 9
};

enum cudaSharedCarveout {
  cudaSharedmemCarveoutDefault = -1,
  cudaSharedmemCarveoutMaxL1 = 0,
  cudaSharedmemCarveoutMaxShared = 100
};

struct cudaFuncAttributes {
  std::size_t sharedSizeBytes, constSizeBytes, localSizeBytes;
  int maxThreadsPerBlock, numRegs, ptxVersion, binaryVersion, cacheModeCA, maxDynamicSharedSizeBytes;
};

enum cudaDeviceAttr {
  cudaDevAttrMaxThreadsPerBlock = 1,
  cudaDevAttrWarpSize = 10,
  cudaDevAttrClockRate = 13,
  cudaDevAttrMultiProcessorCount = 16,
  cudaDevAttrPciBusId = 33,
  cudaDevAttrPciDeviceId = 34,
  cudaDevAttrL2CacheSize = 38,
  cudaDevAttrPciDomainId = 50,
  cudaDevAttrComputeCapabilityMajor = 75,
  cudaDevAttrComputeCapabilityMinor = 76,
  cudaDevAttrMaxSharedMemoryPerMultiprocessor = 81,
  cudaDevAttrMaxSharedMemoryPerBlockOptin = 97
};

struct cudaUUID_t {
  char bytes[16];
};

struct cudaDeviceProp {
  char name[256];
  cudaUUID_t uuid;
  std::size_t totalGlobalMem;
  std::size_t sharedMemPerBlock;
  std::size_t sharedMemPerBlockOptin;
  std::size_t sharedMemPerMultiprocessor;
  int warpSize, maxThreadsPerBlock, maxThreadsPerMultiProcessor, multiProcessorCount, regsPerBlock, l2CacheSize;
  int major, minor;
  int pciBusID, pciDeviceID, pciDomainID;
};

/// Attributes of a launch are not emulated: a launch that names any is refused.
struct cudaLaunchAttribute {
  int id;
  char value[64];
};

struct cudaLaunchConfig_t {
  dim3 gridDim;
  dim3 blockDim;
  std::size_t dynamicSmemBytes;
  cudaStream_t stream;
  cudaLaunchAttribute* attrs;
  unsigned numAttrs;
};

inline constexpr unsigned cudaStreamDefault = 0, cudaStreamNonBlocking = 1;
inline constexpr unsigned cudaEventDefault = 0, cudaEventBlockingSync = 1, cudaEventDisableTiming = 2;
inline constexpr unsigned cudaHostAllocDefault = 0, cudaHostAllocPortable = 1, cudaHostAllocMapped = 2,
                          cudaHostAllocWriteCombined = 4;
inline constexpr unsigned cudaDeviceScheduleAuto = 0, cudaDeviceScheduleSpin = 1, cudaDeviceScheduleYield = 2,
                          cudaDeviceScheduleBlockingSync = 4;

// ---- host calls

extern "C" {
const char* cudaGetErrorName(cudaError_t error);
const char* cudaGetErrorString(cudaError_t error);
cudaError_t cudaGetLastError();
cudaError_t cudaPeekAtLastError();

cudaError_t cudaDriverGetVersion(int* version);
cudaError_t cudaRuntimeGetVersion(int* version);
cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaGetDevice(int* device);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaSetDeviceFlags(unsigned flags);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device);
cudaError_t cudaDeviceGetPCIBusId(char* text, int size, int device);
cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest);
cudaError_t cudaDeviceSynchronize();

cudaError_t cudaFree(void* pointer);
cudaError_t cudaFreeHost(void* pointer);
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total);
cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer);
cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind);
cudaError_t cudaMemset(void* to, int value, std::size_t bytes);

cudaError_t cudaStreamCreate(cudaStream_t* stream);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int priority);
cudaError_t cudaStreamGetPriority(cudaStream_t stream, int* priority);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamQuery(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);

cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventQuery(cudaEvent_t event);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end);

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* argument);
}

cudaError_t cudaMalloc(void** pointer, std::size_t bytes);
cudaError_t cudaHostAlloc(void** pointer, std::size_t bytes, unsigned flags);
cudaError_t cudaMallocHost(void** pointer, std::size_t bytes, unsigned flags = cudaHostAllocDefault);
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream = nullptr);
cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                              std::size_t width, std::size_t height, cudaMemcpyKind kind,
                              cudaStream_t stream = nullptr);
cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream = nullptr);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags = 0);
cudaError_t cudaEventCreate(cudaEvent_t* event);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream = nullptr);

template <typename T>
cudaError_t cudaMalloc(T** pointer, std::size_t bytes) {
  return cudaMalloc(reinterpret_cast<void**>(pointer), bytes);
}
template <typename T>
cudaError_t cudaHostAlloc(T** pointer, std::size_t bytes, unsigned flags) {
  return cudaHostAlloc(reinterpret_cast<void**>(pointer), bytes, flags);
}
template <typename T>
cudaError_t cudaMallocHost(T** pointer, std::size_t bytes, unsigned flags = cudaHostAllocDefault) {
  return cudaMallocHost(reinterpret_cast<void**>(pointer), bytes, flags);
}

// ---- launches

namespace alignment::cuda_shim {
cudaError_t launch(const cudaLaunchConfig_t& config, const void* kernel, std::function<void()> thread_body);
cudaError_t set_attribute(const void* kernel, cudaFuncAttribute attribute, int value);
cudaError_t get_attributes(cudaFuncAttributes* attributes, const void* kernel);
}  // namespace alignment::cuda_shim

template <typename... Expected, typename... Actual>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Expected...), Actual&&... arguments) {
  static_assert((std::is_trivially_copyable_v<Expected> && ...), "arguments of a kernel are copied as bytes");
  auto copies = std::make_shared<std::tuple<Expected...>>(std::forward<Actual>(arguments)...);
  return alignment::cuda_shim::launch(*config, reinterpret_cast<const void*>(kernel),
                                    [kernel, copies] { std::apply(kernel, *copies); });
}

template <typename Function>
cudaError_t cudaFuncSetAttribute(Function* kernel, cudaFuncAttribute attribute, int value) {
  return alignment::cuda_shim::set_attribute(reinterpret_cast<const void*>(kernel), attribute, value);
}

template <typename Function>
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, Function* kernel) {
  return alignment::cuda_shim::get_attributes(attributes, reinterpret_cast<const void*>(kernel));
}

template <typename Function>
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, Function*, int, std::size_t) {
  *blocks = 2;
  return cudaSuccess;
}

// ---- what kernels call

inline constexpr int warpSize = 32;
/// The running block's dynamic shared memory, aligned to 128 bytes.
void* shim_dynamic_shared();
/// What kernels/cuda/matrix.cuh has instructions for: sum[4] += a[4] b[2], and 4 matrices from dynamic shared memory.
/// All 32 lanes take part.
void shim_multiply_add(float* sum, const unsigned* a, const unsigned* b);
void shim_load_matrices(unsigned* result, const void* row, bool transposed);
/// What kernels/cuda/bulk_copy.cuh has instructions for: barriers in dynamic shared memory, whose phase ends with
/// `arrivals` arrivals and as many bytes as were expected, and copies of whole pieces of 16 bytes that bring them, at
/// once or later, by chance. shim_wait() returns once the phase of this parity has ended.
void shim_start_barrier(std::uint64_t* barrier, unsigned arrivals);
void shim_arrive_and_expect(std::uint64_t* barrier, unsigned bytes);
void shim_wait(std::uint64_t* barrier, unsigned phase);
void shim_bulk_copy(void* to, const void* from, unsigned bytes, std::uint64_t* barrier);
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

namespace alignment::cuda_shim {
/// What a thread does with the other lanes of its warp.
enum class WarpCall : std::uint8_t { kSync, kShuffle, kBallot, kMultiplyAdd, kLoadMatrices, kLoadMatricesTransposed };
enum class BlockCall : std::uint8_t { kSync, kAnd, kOr, kCount };

/// Number of threads of the block for which `predicate` is not 0. Returns once the whole block has come.
int block_barrier(BlockCall call, int predicate);
/// Returns once every lane of `mask` has come: the value of lane `source` for a shuffle, the lanes of nonzero `value`
/// for a ballot. Matrix operations are given their part of matrix.hpp as a pointer in `value`.
std::uint64_t warp_barrier(WarpCall call, unsigned mask, std::uint64_t value, int source);
/// Lane of the running thread within its warp.
int lane();
[[noreturn]] void fail(const char* message);

template <typename T>
T shuffle(unsigned mask, T value, int source) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8);
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = warp_barrier(WarpCall::kShuffle, mask, bits, source);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}

/// First lane of this lane's group of `width` lanes.
inline int first_of_group(int width) {
  if (width < 1 || width > warpSize || !std::has_single_bit(static_cast<unsigned>(width)))
    fail("the width of a shuffle must be 1, 2, 4, 8, 16 or 32");
  return lane() / width * width;
}
}  // namespace alignment::cuda_shim

inline void __syncthreads() {
  alignment::cuda_shim::block_barrier(alignment::cuda_shim::BlockCall::kSync, 0);
}
inline int __syncthreads_count(int predicate) {
  return alignment::cuda_shim::block_barrier(alignment::cuda_shim::BlockCall::kCount, predicate);
}
inline int __syncthreads_and(int predicate) {
  return alignment::cuda_shim::block_barrier(alignment::cuda_shim::BlockCall::kAnd, !predicate) == 0;
}
inline int __syncthreads_or(int predicate) {
  return alignment::cuda_shim::block_barrier(alignment::cuda_shim::BlockCall::kOr, predicate) != 0;
}
inline void __syncwarp(unsigned mask = 0xffffffffU) {
  alignment::cuda_shim::warp_barrier(alignment::cuda_shim::WarpCall::kSync, mask, 0, -1);
}
inline unsigned __ballot_sync(unsigned mask, int predicate) {
  return static_cast<unsigned>(
      alignment::cuda_shim::warp_barrier(alignment::cuda_shim::WarpCall::kBallot, mask, predicate != 0 ? 1 : 0, -1));
}
inline int __any_sync(unsigned mask, int predicate) {
  return __ballot_sync(mask, predicate) != 0;
}
inline int __all_sync(unsigned mask, int predicate) {
  return __ballot_sync(mask, !predicate) == 0;
}

/// CUDA takes a source outside the group modulo its width; nobody here means that, so it is an error.
template <typename T>
T __shfl_sync(unsigned mask, T value, int source, int width = warpSize) {
  const int first = alignment::cuda_shim::first_of_group(width);
  if (source < 0 || source >= width) alignment::cuda_shim::fail("__shfl_sync from a lane outside its group");
  return alignment::cuda_shim::shuffle(mask, value, first + source);
}
template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = warpSize) {
  const int lane = alignment::cuda_shim::lane();
  const int first = alignment::cuda_shim::first_of_group(width);
  if (lane_mask < 0 || lane_mask >= width) alignment::cuda_shim::fail("__shfl_xor_sync to a lane outside its group");
  return alignment::cuda_shim::shuffle(mask, value, first + ((lane - first) ^ lane_mask));
}
/// A source past the group gives the lane's own value.
template <typename T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = warpSize) {
  const int lane = alignment::cuda_shim::lane();
  const int first = alignment::cuda_shim::first_of_group(width);
  const int source = lane + static_cast<int>(delta);
  return alignment::cuda_shim::shuffle(mask, value, source < first + width ? source : lane);
}
template <typename T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = warpSize) {
  const int lane = alignment::cuda_shim::lane();
  const int first = alignment::cuda_shim::first_of_group(width);
  const int source = lane - static_cast<int>(delta);
  return alignment::cuda_shim::shuffle(mask, value, source >= first ? source : lane);
}

// CUDA has these outside any namespace.
constexpr int min(int a, int b) {
  return b < a ? b : a;
}
constexpr int max(int a, int b) {
  return a < b ? b : a;
}
constexpr unsigned min(unsigned a, unsigned b) {
  return b < a ? b : a;
}
constexpr unsigned max(unsigned a, unsigned b) {
  return a < b ? b : a;
}
constexpr long min(long a, long b) {
  return b < a ? b : a;
}
constexpr long max(long a, long b) {
  return a < b ? b : a;
}
constexpr unsigned long min(unsigned long a, unsigned long b) {
  return b < a ? b : a;
}
constexpr unsigned long max(unsigned long a, unsigned long b) {
  return a < b ? b : a;
}
constexpr long long min(long long a, long long b) {
  return b < a ? b : a;
}
constexpr long long max(long long a, long long b) {
  return a < b ? b : a;
}
constexpr unsigned long long min(unsigned long long a, unsigned long long b) {
  return b < a ? b : a;
}
constexpr unsigned long long max(unsigned long long a, unsigned long long b) {
  return a < b ? b : a;
}
inline float min(float a, float b) {
  return std::fmin(a, b);
}
inline float max(float a, float b) {
  return std::fmax(a, b);
}
inline double min(double a, double b) {
  return std::fmin(a, b);
}
inline double max(double a, double b) {
  return std::fmax(a, b);
}

inline float __saturatef(float value) {
  return value >= 1.0F ? 1.0F : value > 0.0F ? value : 0.0F;
}
inline float __fmaf_rn(float a, float b, float c) {
  return std::fma(a, b, c);
}
inline float __fadd_rn(float a, float b) {
  return a + b;
}
inline float __fsub_rn(float a, float b) {
  return a - b;
}
inline float __fmul_rn(float a, float b) {
  return a * b;
}
inline float __fdiv_rn(float a, float b) {
  return a / b;
}
inline float __fsqrt_rn(float a) {
  return std::sqrt(a);
}
inline double __dadd_rn(double a, double b) {
  return a + b;
}
inline double __dmul_rn(double a, double b) {
  return a * b;
}
inline double __fma_rn(double a, double b, double c) {
  return std::fma(a, b, c);
}
inline int __float_as_int(float value) {
  return std::bit_cast<int>(value);
}
inline float __int_as_float(int bits) {
  return std::bit_cast<float>(bits);
}
inline unsigned __float_as_uint(float value) {
  return std::bit_cast<unsigned>(value);
}
inline float __uint_as_float(unsigned bits) {
  return std::bit_cast<float>(bits);
}
inline int __popc(unsigned bits) {
  return std::popcount(bits);
}
inline int __clz(int bits) {
  return std::countl_zero(static_cast<unsigned>(bits));
}
inline int __ffs(int bits) {
  return bits == 0 ? 0 : std::countr_zero(static_cast<unsigned>(bits)) + 1;
}
inline float __int2float_rn(int value) {
  return static_cast<float>(value);
}
template <typename T>
T __ldg(const T* pointer) {
  return *pointer;
}

// ---- four bytes to a word

namespace alignment::cuda_shim {
/// sum + the four products of bytes, modulo 2^32.
template <typename Byte, typename Word>
Word sum_of_byte_products(Word a, Word b, Word sum) {
  auto bits = static_cast<unsigned>(sum);  // wraps without being undefined
  for (int shift = 0; shift < 32; shift += 8) {
    const auto left = static_cast<Byte>(a >> shift), right = static_cast<Byte>(b >> shift);
    bits += static_cast<unsigned>(left * right);
  }
  return static_cast<Word>(bits);
}
}  // namespace alignment::cuda_shim

inline unsigned __vabsdiffu4(unsigned a, unsigned b) {
  unsigned result = 0;
  for (unsigned shift = 0; shift < 32; shift += 8) {
    const unsigned left = a >> shift & 255U, right = b >> shift & 255U;
    result |= (left < right ? right - left : left - right) << shift;
  }
  return result;
}
inline unsigned __dp4a(unsigned a, unsigned b, unsigned sum) {
  return alignment::cuda_shim::sum_of_byte_products<std::uint8_t>(a, b, sum);
}
inline int __dp4a(int a, int b, int sum) {
  return alignment::cuda_shim::sum_of_byte_products<std::int8_t>(a, b, sum);
}
/// Byte k of the result is byte `selector` bits 4k .. 4k+2 of the eight of (x, y), x first.
inline unsigned __byte_perm(unsigned x, unsigned y, unsigned selector) {
  const std::uint64_t bytes = static_cast<std::uint64_t>(y) << 32U | x;
  unsigned result = 0;
  for (unsigned k = 0; k < 4; ++k) {
    const unsigned chosen = selector >> 4 * k & 7U;
    result |= static_cast<unsigned>(bytes >> 8 * chosen & 255U) << 8 * k;
  }
  return result;
}
