// One warp's matrix products of halves with sums in f32. Every function here is called by all 32 lanes of a warp at
// once. Names of sections are those of the PTX ISA, "Warp Level Matrix Instructions".
#pragma once

#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstring>

namespace alignment::kernels::cuda {

// Of two halves in a register, the one of the lower row or column is in the lower 16 bits.

/// A lane's part of a 16 x 16 matrix A ("Matrix Fragments for mma.m16n8k16 with floating point type"): x[0] is row
/// lane / 4, columns 2 * (lane % 4) + {0, 1}; x[1] the same 8 rows on, x[2] 8 columns on, x[3] both.
struct HalfFragmentA {
  unsigned x[4];
};

/// A lane's part of a 16 x 8 matrix B (the same section): x[0] is rows 2 * (lane % 4) + {0, 1}, column lane / 4; x[1]
/// the same 8 rows on.
struct HalfFragmentB {
  unsigned x[2];
};

/// A lane's part of a 16 x 8 matrix of sums (the same section): x[0], x[1] are row lane / 4, columns
/// 2 * (lane % 4) + {0, 1}; x[2], x[3] the same 8 rows on.
struct FloatFragment {
  float x[4];
};

__device__ __forceinline__ unsigned bits_of(__half2 halves) {
  unsigned bits;
  memcpy(&bits, &halves, sizeof(bits));
  return bits;
}

__device__ __forceinline__ __half2 halves_of(unsigned bits) {
  __half2 halves;
  memcpy(&halves, &bits, sizeof(bits));
  return halves;
}

#ifdef __CUDACC__

/// sum += A B ("Multiply-and-Accumulate Instruction: mma"). Products are exact. They are added in at least f32, in an
/// order and with a rounding that the PTX ISA leaves open: GPUs cut the terms of an addition off at one common last
/// place, so each term may be wrong by 2^-23 of the largest, the old sum among them. Whole numbers are exact as long as
/// all sums are within 2^24. A NaN or an infinity in row i of A or column j of B spoils sums of that row or column
/// even where the other factor is 0.
__device__ __forceinline__ void multiply_add(FloatFragment& sum, const HalfFragmentA& a, const HalfFragmentB& b) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(sum.x[0]), "+f"(sum.x[1]), "+f"(sum.x[2]), "+f"(sum.x[3])
      : "r"(a.x[0]), "r"(a.x[1]), "r"(a.x[2]), "r"(a.x[3]), "r"(b.x[0]), "r"(b.x[1]));
}

/// Four 8 x 8 matrices of halves from shared memory ("Warp-level matrix load instruction: ldmatrix"). `row`: lane l's
/// is of the 16 bytes that are row l % 8 of matrix l / 8; a multiple of 16 bytes. x[k] is, of matrix k, row lane / 4,
/// columns 2 * (lane % 4) + {0, 1}: with the matrices in the order of HalfFragmentA, A; two of them, B from the rows of
/// its transpose. It orders no memory: other lanes' writes need a barrier before it.
__device__ __forceinline__ HalfFragmentA load_matrices(const void* row) {
  HalfFragmentA result;
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(row));
  // "memory": it reads what was stored before and nothing that is stored later.
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(result.x[0]), "=r"(result.x[1]), "=r"(result.x[2]), "=r"(result.x[3])
               : "r"(address)
               : "memory");
  return result;
}

/// As load_matrices, of each matrix the transpose: x[k] is, of matrix k as it is stored, rows 2 * (lane % 4) + {0, 1},
/// column lane / 4. So two matrices stored by rows, one below the other, are B.
__device__ __forceinline__ HalfFragmentA load_matrices_transposed(const void* row) {
  HalfFragmentA result;
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(result.x[0]), "=r"(result.x[1]), "=r"(result.x[2]), "=r"(result.x[3])
               : "r"(address)
               : "memory");
  return result;
}

#else

inline void multiply_add(FloatFragment& sum, const HalfFragmentA& a, const HalfFragmentB& b) {
  shim_multiply_add(sum.x, a.x, b.x);
}

inline HalfFragmentA load_matrices(const void* row) {
  HalfFragmentA result;
  shim_load_matrices(result.x, row, false);
  return result;
}

inline HalfFragmentA load_matrices_transposed(const void* row) {
  HalfFragmentA result;
  shim_load_matrices(result.x, row, true);
  return result;
}

#endif

}  // namespace alignment::kernels::cuda
