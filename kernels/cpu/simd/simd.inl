// Vectors of the instruction set that the including file is compiled for. Everything here has internal linkage: the
// same name means another type in each variant's file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

typedef float Vector __attribute__((vector_size(4 * kLanes)));
typedef std::int32_t IntVector __attribute__((vector_size(4 * kLanes)));
typedef std::int8_t ByteVector __attribute__((vector_size(kLanes)));
typedef double WideVector __attribute__((vector_size(8 * kLanes)));

/// Vectors that live in registers: only ever indexed by constants, once loops are unrolled.
template <int Count>
using Registers = Vector[static_cast<std::size_t>(Count)];

inline Vector load(const float* source) {
  Vector vector;
  std::memcpy(&vector, source, sizeof(vector));
  return vector;
}

inline void store(float* destination, Vector vector) {
  std::memcpy(destination, &vector, sizeof(vector));
}

/// Used again soon: not to be read from memory a second time.
inline void keep_in_register(Vector& vector) {
#if defined(__AVX512F__)
  asm("" : "+v"(vector));
#elif defined(__x86_64__)
  asm("" : "+x"(vector));
#endif
}

constexpr std::int64_t kFloatsPerLine = 16;

/// Asks for the cache line at `address`, which need not lie in any array.
inline void prefetch(const void* address) {
  __builtin_prefetch(address);
}

/// vector - number. AVX-512 broadcasts a number as it reads it for another instruction: an instruction of its own,
/// which compilers prefer where a number is used twice, costs as much as arithmetic on some processors (AMD Zen 4).
inline Vector subtract_number(Vector vector, const float& number) {
#if defined(__AVX512F__)
  Vector difference;
  asm("vsubps %2%{1to16%}, %1, %0" : "=v"(difference) : "v"(vector), "m"(number));
  return difference;
#else
  return vector - number;
#endif
}

inline Vector absolute(Vector value) {
  return reinterpret_cast<Vector>(reinterpret_cast<IntVector>(value) & 0x7fffffff);
}

/// What the compiler does not know to be 1.
inline Vector opaque_one() {
  Vector one = Vector{} + 1.0F;
  keep_in_register(one);
  return one;
}

/// term * one, for a sum: as a multiply-add where there is one. Some processors (AMD's, Intel's with two kinds of
/// cores) have other units for additions than for those: where half of the sums are multiply-adds, all units are busy.
inline Vector for_other_units(Vector term, [[maybe_unused]] Vector one) {
#if defined(__FMA__)
  return term * one;
#else
  return term;
#endif
}

/// `value` with its sign flipped where `sign_source` is negative (or -0).
inline Vector flip_sign(Vector value, Vector sign_source) {
#if defined(__AVX512F__)  // value ^ (sign_source & sign bit) in one instruction
  return reinterpret_cast<Vector>(_mm512_ternarylogic_epi32(reinterpret_cast<__m512i>(value),
                                                            reinterpret_cast<__m512i>(sign_source),
                                                            _mm512_set1_epi32(static_cast<int>(0x80000000U)), 0x78));
#else
  return reinterpret_cast<Vector>(reinterpret_cast<IntVector>(value) ^
                                  (reinterpret_cast<IntVector>(sign_source) & static_cast<std::int32_t>(0x80000000U)));
#endif
}

template <typename Half, typename Whole, std::size_t... Lane>
Half add_halves(Whole whole, std::index_sequence<Lane...> /*lanes*/) {
  return __builtin_shufflevector(whole, whole, Lane...) +
         __builtin_shufflevector(whole, whole, (Lane + sizeof...(Lane))...);
}

template <int Lanes, typename Wide>
double sum_of(Wide wide) {
  if constexpr (Lanes == 2) {
    return wide[0] + wide[1];
  } else {
    typedef double Half __attribute__((vector_size(4 * Lanes)));
    return sum_of<Lanes / 2>(add_halves<Half>(wide, std::make_index_sequence<static_cast<std::size_t>(Lanes) / 2>{}));
  }
}

/// Sum of all lanes in f64, always in the same order.
inline double lane_sum(Vector vector) {
  return sum_of<kLanes>(__builtin_convertvector(vector, WideVector));
}

}  // namespace
