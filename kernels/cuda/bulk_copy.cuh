// Copies into shared memory that are under way while warps compute, and the barriers that say when they are there.
// Names of sections are those of the PTX ISA.
#pragma once

#include <cstdint>

#include "kernels/cuda/device.cuh"

namespace alignment::kernels::cuda {

/// In shared memory: what a copy's bytes and who brings them are counted in ("mbarrier"). Its phases are numbered from
/// 0; one ends when all arrivals and all bytes that were announced are there.
struct Barrier {
  std::uint64_t state;
};

#ifdef __CUDACC__

__device__ __forceinline__ unsigned shared_address(const void* pointer) {
  return static_cast<unsigned>(__cvta_generic_to_shared(pointer));
}

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 900
inline constexpr unsigned kCopyArrivals = kWarp;  ///< of a copy: every lane's
#else
inline constexpr unsigned kCopyArrivals = 1;
#endif

/// By one thread. The block's other threads may use the barrier after __syncthreads().
__device__ __forceinline__ void start(Barrier& barrier) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(&barrier)), "r"(kCopyArrivals)
               : "memory");
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}

/// Returns once phase number `phase` of the barrier has ended, of which only the parity counts; what its copies brought
/// can then be read. No phase may be waited for when the one after it has ended.
__device__ __forceinline__ void wait(Barrier& barrier, unsigned phase) {
  // The instruction of sm_90 sleeps for a while before it says no.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile(
      "{\n.reg .pred done;\nagain:\nmbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n@!done bra again;\n}" ::
          "r"(shared_address(&barrier)),
      "r"(phase & 1U)
      : "memory");
#else
  asm volatile(
      "{\n.reg .pred done;\nagain:\nmbarrier.test_wait.parity.shared::cta.b64 done, [%0], %1;\n@!done bra again;\n}" ::
          "r"(shared_address(&barrier)),
      "r"(phase & 1U)
      : "memory");
#endif
}

/// By a whole warp: announces that copies of `bytes` in all are the barrier's present phase. Copies with copy() follow,
/// then arrive().
__device__ __forceinline__ void announce(Barrier& barrier, unsigned bytes) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  if (threadIdx.x % kWarp == 0) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(&barrier)), "r"(bytes)
                 : "memory");
  }
#endif
}

/// By a whole warp: starts to copy `bytes` from global memory to shared memory, both aligned to 16 bytes, as `bytes`
/// is. What other threads have read from `to` before must be ordered before this call.
__device__ __forceinline__ void copy(void* to, const void* from, unsigned bytes, Barrier& barrier) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  if (threadIdx.x % kWarp == 0) {
    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(
                     shared_address(to)),
                 "l"(__cvta_generic_to_global(from)), "r"(bytes), "r"(shared_address(&barrier))
                 : "memory");
  }
#else
  for (unsigned place = threadIdx.x % kWarp * 16; place < bytes; place += kWarp * 16) {
    __pipeline_memcpy_async(static_cast<std::byte*>(to) + place, static_cast<const std::byte*>(from) + place, 16);
  }
#endif
}

/// By a whole warp, after its copies.
__device__ __forceinline__ void arrive(Barrier& barrier) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 900
  asm volatile("cp.async.mbarrier.arrive.noinc.shared::cta.b64 [%0];" ::"r"(shared_address(&barrier)) : "memory");
#endif
}

/// By a whole warp: counts it in and says whether it is the last of `warps`; the count then starts anew. What the warps
/// have read or written before is ordered before what the last one does next.
__device__ __forceinline__ bool last_of(unsigned warps, unsigned& counter) {
  __syncwarp();
  unsigned before = 0;
  if (threadIdx.x % kWarp == 0) {
    asm volatile("atom.acq_rel.cta.shared::cta.inc.u32 %0, [%1], %2;"
                 : "=r"(before)
                 : "r"(shared_address(&counter)), "r"(warps - 1)
                 : "memory");
  }
  return __shfl_sync(kAllLanes, before, 0) == warps - 1;
}

/// By every thread that has used memory that copies will go to, before the barrier that orders that before them.
__device__ __forceinline__ void order_before_copies() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}

#else

inline void order_before_copies() {}
inline void start(Barrier& barrier) {
  shim_start_barrier(&barrier.state, 1);
}
inline void wait(Barrier& barrier, unsigned phase) {
  shim_wait(&barrier.state, phase);
}
inline void announce(Barrier& barrier, unsigned bytes) {
  if (threadIdx.x % kWarp == 0) shim_arrive_and_expect(&barrier.state, bytes);
}
inline void copy(void* to, const void* from, unsigned bytes, Barrier& barrier) {
  if (threadIdx.x % kWarp == 0) shim_bulk_copy(to, from, bytes, &barrier.state);
}
inline void arrive(Barrier& barrier) {
  static_cast<void>(barrier);
}
inline bool last_of(unsigned warps, unsigned& counter) {
  __syncwarp();
  unsigned before = 0;
  if (threadIdx.x % kWarp == 0) {
    before = counter;
    counter = before == warps - 1 ? 0 : before + 1;
  }
  return __shfl_sync(kAllLanes, before, 0) == warps - 1;
}

#endif

}  // namespace alignment::kernels::cuda
