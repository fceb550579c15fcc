#pragma once

// Stands in for CUDA's header of this name; see cuda_runtime.h.

#include <cuda_runtime.h>

#include <bit>
#include <cstdint>

namespace alignment::cuda_shim {

/// Exact.
inline float half_to_float(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000U) << 16U;
  const std::uint32_t exponent = (bits >> 10U) & 0x1fU;
  const std::uint32_t mantissa = bits & 0x3ffU;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t wide_exponent = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | wide_exponent << 23U | mantissa << 13U);
}

/// To the nearest, ties to even; beyond the largest to infinity.
inline std::uint16_t float_to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16U) & 0x8000U);
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  if (magnitude > 0x7f800000U) return 0x7fff;
  if (magnitude >= 0x477ff000U) return sign | 0x7c00U;             // 65520 and above
  if (magnitude < 0x38800000U) {                                   // below 2^-14: whole multiples of 2^-24
    const float shifted = std::bit_cast<float>(magnitude) + 0.5F;  // the sum's last place is 2^-24
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000U));
  }
  const std::uint32_t rounded = magnitude + 0xfffU + ((magnitude >> 13U) & 1U);
  return static_cast<std::uint16_t>(sign | ((rounded - 0x38000000U) >> 13U));
}

/// The nearest half to an f64 number. Rounded to odd first: an f32 number that is not exact keeps its last bit set, so
/// that rounding a second time goes where rounding once would have gone.
inline std::uint16_t double_to_half(double value) {
  const auto near = static_cast<float>(value);
  auto bits = std::bit_cast<std::uint32_t>(near);
  if (static_cast<double>(near) != value && value == value) {
    const bool away_from_zero = (near < 0 ? -static_cast<double>(near) : near) > (value < 0 ? -value : value);
    bits = (away_from_zero ? bits - 1 : bits) | 1U;
  }
  return float_to_half(std::bit_cast<float>(bits));
}

}  // namespace alignment::cuda_shim

struct alignas(2) __half {
  __half() = default;
  __half(float value) : bits(alignment::cuda_shim::float_to_half(value)) {}
  operator float() const { return alignment::cuda_shim::half_to_float(bits); }
  std::uint16_t bits;
};
struct alignas(4) __half2 {
  __half x, y;
};
using half = __half;
using half2 = __half2;

inline float __half2float(__half value) {
  return value;
}
inline __half __float2half_rn(float value) {
  return {value};
}
inline __half __float2half(float value) {
  return {value};
}
inline __half2 __halves2half2(__half x, __half y) {
  return {x, y};
}
inline __half2 __floats2half2_rn(float x, float y) {
  return {__half(x), __half(y)};
}
inline __half2 __float2half2_rn(float value) {
  return __floats2half2_rn(value, value);
}
inline __half2 __float22half2_rn(float2 value) {
  return __floats2half2_rn(value.x, value.y);
}
inline float2 __half22float2(__half2 value) {
  return {value.x, value.y};
}
inline float __low2float(__half2 value) {
  return value.x;
}
inline float __high2float(__half2 value) {
  return value.y;
}
inline __half2 __half2half2(__half value) {
  return {value, value};
}
inline __half __low2half(__half2 value) {
  return value.x;
}
inline __half __high2half(__half2 value) {
  return value.y;
}
inline unsigned short __half_as_ushort(__half value) {
  return value.bits;
}
inline __half __ushort_as_half(unsigned short bits) {
  return std::bit_cast<__half>(bits);
}

inline __half2 __habs2(__half2 value) {
  const auto magnitude = [](__half one) { return __ushort_as_half(static_cast<unsigned short>(one.bits & 0x7fffU)); };
  return {magnitude(value.x), magnitude(value.y)};
}
inline __half2 __hneg2(__half2 value) {
  const auto negated = [](__half one) { return __ushort_as_half(static_cast<unsigned short>(one.bits ^ 0x8000U)); };
  return {negated(value.x), negated(value.y)};
}

// A sum or a product of halves, rounded to f32 and then to a half, is what rounding once gives. nvcc may fuse __hmul2
// and a sum of its result into one multiply-add; here each rounds.

inline __half2 __hadd2(__half2 a, __half2 b) {
  return __floats2half2_rn(a.x + b.x, a.y + b.y);
}
inline __half2 __hmul2(__half2 a, __half2 b) {
  return __floats2half2_rn(a.x * b.x, a.y * b.y);
}
inline __half2 __hsub2(__half2 a, __half2 b) {
  return __floats2half2_rn(a.x - b.x, a.y - b.y);
}
inline __half2 __hfma2(__half2 a, __half2 b, __half2 c) {
  const auto fused = [](double x, double y, double z) {  // products of halves are exact in f64
    return __ushort_as_half(alignment::cuda_shim::double_to_half(x * y + z));
  };
  return {fused(a.x, b.x, c.x), fused(a.y, b.y, c.y)};
}
/// max(a b + c, +0), NaN where that is NaN.
inline __half2 __hfma2_relu(__half2 a, __half2 b, __half2 c) {
  const __half2 fused = __hfma2(a, b, c);
  const auto clamped = [](float value) { return value <= 0.0F ? __half(0.0F) : __half(value); };
  return {clamped(fused.x), clamped(fused.y)};
}
/// a b + c within [0, 1], +0 where that is NaN.
inline __half2 __hfma2_sat(__half2 a, __half2 b, __half2 c) {
  const __half2 fused = __hfma2(a, b, c);
  const auto clamped = [](float value) { return __half(value >= 1.0F ? 1.0F : value > 0.0F ? value : 0.0F); };
  return {clamped(fused.x), clamped(fused.y)};
}

namespace alignment::cuda_shim {
/// Of NaN and a number the number, of -0 and +0 the larger or smaller by sign.
inline __half larger(__half a, __half b, bool smaller) {
  const float x = a, y = b;
  if (x != x) return __half(y);  // of two NaN the canonical one
  if (y != y) return a;
  const bool first_is_larger = x == y ? b.bits >> 15U != 0 : x > y;
  return first_is_larger != smaller ? a : b;
}
}  // namespace alignment::cuda_shim

inline __half2 __hmax2(__half2 a, __half2 b) {
  return {alignment::cuda_shim::larger(a.x, b.x, false), alignment::cuda_shim::larger(a.y, b.y, false)};
}
inline __half2 __hmin2(__half2 a, __half2 b) {
  return {alignment::cuda_shim::larger(a.x, b.x, true), alignment::cuda_shim::larger(a.y, b.y, true)};
}

// Comparisons: 1 where it is so, 0 where not and with NaN.

inline __half2 __heq2(__half2 a, __half2 b) {
  return __floats2half2_rn(a.x == b.x ? 1.0F : 0.0F, a.y == b.y ? 1.0F : 0.0F);
}
inline __half2 __hgt2(__half2 a, __half2 b) {
  return __floats2half2_rn(a.x > b.x ? 1.0F : 0.0F, a.y > b.y ? 1.0F : 0.0F);
}
inline __half2 __hge2(__half2 a, __half2 b) {
  return __floats2half2_rn(a.x >= b.x ? 1.0F : 0.0F, a.y >= b.y ? 1.0F : 0.0F);
}
inline __half2 __hlt2(__half2 a, __half2 b) {
  return __floats2half2_rn(a.x < b.x ? 1.0F : 0.0F, a.y < b.y ? 1.0F : 0.0F);
}
inline __half2 __hle2(__half2 a, __half2 b) {
  return __floats2half2_rn(a.x <= b.x ? 1.0F : 0.0F, a.y <= b.y ? 1.0F : 0.0F);
}
