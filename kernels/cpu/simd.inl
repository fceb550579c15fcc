// Vectors of the instruction set that the including file is compiled for. Everything here has internal linkage: the
// same name means another type in each variant's file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

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

inline Vector absolute(Vector value) {
  return reinterpret_cast<Vector>(reinterpret_cast<IntVector>(value) & 0x7fffffff);
}

/// `value` with its sign flipped where `sign_source` is negative (or -0).
inline Vector flip_sign(Vector value, Vector sign_source) {
  return reinterpret_cast<Vector>(reinterpret_cast<IntVector>(value) ^
                                  (reinterpret_cast<IntVector>(sign_source) & static_cast<std::int32_t>(0x80000000U)));
}

/// Sum of all lanes in f64, always in the same order.
inline double lane_sum(Vector vector) {
  double lanes[kLanes];
  const WideVector wide = __builtin_convertvector(vector, WideVector);
  std::memcpy(lanes, &wide, sizeof(wide));
#pragma GCC unroll 8
  for (int half = kLanes / 2; half > 0; half /= 2) {
#pragma GCC unroll 8
    for (int lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  }
  return lanes[0];
}

}  // namespace
