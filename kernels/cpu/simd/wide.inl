// Vectors of f64 and f32 for the kernels of two sequences, of the instruction set that the including file is compiled
// for. Only what multiply_add() says is fused (-ffp-contract=off). Internal linkage throughout, see simd.inl.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace {

#if defined(__AVX512F__)
constexpr int kWideLanes = 8;
#elif defined(__AVX2__)
constexpr int kWideLanes = 4;
#else
constexpr int kWideLanes = 2;
#endif

typedef double Wide __attribute__((vector_size(8 * kWideLanes)));
typedef std::int64_t WideInt __attribute__((vector_size(8 * kWideLanes)));
typedef float HalfOfFloats __attribute__((vector_size(4 * kWideLanes)));
typedef std::int8_t WideBytes __attribute__((vector_size(kWideLanes)));
typedef float Floats __attribute__((vector_size(8 * kWideLanes)));
typedef double TwoWide __attribute__((vector_size(16 * kWideLanes)));  // Floats in f64

template <typename Element, std::int64_t Count>
using ArrayOf = Element[static_cast<std::size_t>(Count)];

template <typename Vector, typename Element>
Vector load_as(const Element* source) {
  Vector vector;
  std::memcpy(&vector, source, sizeof(vector));
  return vector;
}

template <typename Vector, typename Element>
void store_to(Element* destination, Vector vector) {
  std::memcpy(destination, &vector, sizeof(vector));
}

/// kWideLanes numbers in f64.
inline Wide load_wide(const double* source) {
  return load_as<Wide>(source);
}
inline Wide load_wide(const float* source) {
  return __builtin_convertvector(load_as<HalfOfFloats>(source), Wide);
}

/// In every lane. A difference with zero is the number itself and costs nothing; a sum would not be where it is -0.
inline Wide wide(double number) {
  return number - Wide{};
}

#if defined(__AVX512F__)
constexpr __mmask8 kAllWide = 0xff;  // GCC 12 warns of its own intrinsics without a mask
#endif

inline Wide smaller(Wide left, Wide right) {
#if defined(__AVX512F__)
  return _mm512_maskz_min_pd(kAllWide, left, right);
#elif defined(__AVX2__)
  return _mm256_min_pd(left, right);
#else
  return left < right ? left : right;
#endif
}

/// `right` where one is not a number.
inline Wide larger(Wide left, Wide right) {
#if defined(__AVX512F__)
  return _mm512_maskz_max_pd(kAllWide, left, right);
#elif defined(__AVX2__)
  return _mm256_max_pd(left, right);
#else
  return left > right ? left : right;
#endif
}

inline Wide absolute(Wide value) {
  return reinterpret_cast<Wide>(reinterpret_cast<WideInt>(value) & 0x7fffffffffffffff);
}

inline Wide multiply_add(Wide a, Wide b, Wide c) {
#if defined(__AVX512F__)
  return _mm512_fmadd_pd(a, b, c);
#elif defined(__AVX2__)
  return _mm256_fmadd_pd(a, b, c);
#else
  return a * b + c;
#endif
}

inline Floats multiply_add(Floats a, Floats b, Floats c) {
#if defined(__AVX512F__)
  return _mm512_fmadd_ps(a, b, c);
#elif defined(__AVX2__)
  return _mm256_fmadd_ps(a, b, c);
#else
  return a * b + c;
#endif
}

/// Whether any lane of a comparison is true.
inline bool any(WideInt mask) {
#if defined(__AVX512F__)
  return _mm512_test_epi64_mask(reinterpret_cast<__m512i>(mask), reinterpret_cast<__m512i>(mask)) != 0;
#elif defined(__AVX2__)
  return _mm256_movemask_pd(reinterpret_cast<__m256d>(mask)) != 0;
#else
  return (mask[0] | mask[1]) != 0;
#endif
}

/// Some vectors whose instructions take turns: each one's own are a chain.
template <int Count>
using Wides = ArrayOf<Wide, Count>;

/// sums = coefficients[0] x^(n-1) + ... + coefficients[n-1].
template <int Count, std::size_t Terms>
void polynomial(const Wides<Count>& x, const double (&coefficients)[Terms], Wides<Count>& sums) {
  for (Wide& sum : sums) sum = wide(coefficients[0]);
#pragma GCC unroll 16
  for (std::size_t k = 1; k < Terms; ++k) {
#pragma GCC unroll 4
    for (int v = 0; v < Count; ++v) sums[v] = multiply_add(sums[v], x[v], wide(coefficients[k]));
  }
}

/// Exponents below this count as this.
constexpr double kLeastExponent = -500;

/// x = 2^x for x <= 0, within 2^-52 of itself.
template <int Count>
void exp2_of_negative(Wides<Count>& x) {
  constexpr double kMagic = 0x1.8p52;  // a sum with it has the whole number nearest to x in its last bits
  // (2^f - 1) / f for |f| <= 1/2, within 1.3e-17.
  constexpr double kCoefficients[] = {0x1.e9d3fe3952179p-32, 0x1.e6063f7217bc6p-28, 0x1.b524fae627834p-24,
                                      0x1.62bfd47773353p-20, 0x1.ffcbfc670dcd4p-17, 0x1.430913096fd9fp-13,
                                      0x1.5d87fe78a5276p-10, 0x1.3b2ab6fba1ddap-7,  0x1.c6b08d704a0c2p-5,
                                      0x1.ebfbdff82c598p-3,  0x1.62e42fefa39efp-1};
  Wides<Count> shifted, fractions, powers;
#pragma GCC unroll 4
  for (int v = 0; v < Count; ++v) {
    x[v] = larger(x[v], wide(kLeastExponent));
    shifted[v] = x[v] + kMagic;
    fractions[v] = x[v] - (shifted[v] - kMagic);
  }
  polynomial<Count>(fractions, kCoefficients, powers);
#pragma GCC unroll 4
  for (int v = 0; v < Count; ++v) {
    const Wide power = multiply_add(powers[v], fractions[v], wide(1));
    x[v] = reinterpret_cast<Wide>(reinterpret_cast<WideInt>(power) + (reinterpret_cast<WideInt>(shifted[v]) << 52));
  }
}

/// x = natural logarithm of x for 1 <= x <= 3, within 2^-51 of itself.
template <int Count>
void log_of_sum(Wides<Count>& x) {
  // (log((1 + t) / (1 - t)) - 2 t) / t^3 by t^2, for |t| <= 0.2, within 2.6e-17.
  constexpr double kCoefficients[] = {0.13609030262858498561, 0.13209708242059463273, 0.15388867805613716626,
                                      0.18181737626302937168, 0.22222223048351588063, 0.28571428567275934598,
                                      0.40000000000007941042, 0.66666666666666664178};
  constexpr double kRootOfTwo = 1.4142135623730951, kLogOfTwo = 0.69314718055994530942;
  Wides<Count> whole, t, squares, sums;
#pragma GCC unroll 4
  for (int v = 0; v < Count; ++v) {
    const WideInt halved = x[v] > kRootOfTwo;
    const Wide part = (halved ? x[v] * 0.5 : x[v]) - 1;
    whole[v] = halved ? wide(kLogOfTwo) : wide(0);
    t[v] = part / (part + 2);
    squares[v] = t[v] * t[v];
  }
  polynomial<Count>(squares, kCoefficients, sums);
#pragma GCC unroll 4
  for (int v = 0; v < Count; ++v) x[v] = whole[v] + (multiply_add(squares[v] * t[v], sums[v], t[v]) + t[v]);
}

template <int Step, std::size_t... Lane>
void swap_blocks(Wide& above, Wide& below, std::index_sequence<Lane...> /*lanes*/) {
  const Wide top = __builtin_shufflevector(above, below, ((Lane & Step) != 0 ? kWideLanes + Lane - Step : Lane)...);
  below = __builtin_shufflevector(above, below, ((Lane & Step) != 0 ? kWideLanes + Lane : Lane + Step)...);
  above = top;
}

template <int Step>
void transpose_from(Wide (&rows)[kWideLanes]) {
  if constexpr (Step < kWideLanes) {
#pragma GCC unroll 8
    for (int row = 0; row < kWideLanes; ++row) {
      if ((row & Step) == 0) {
        swap_blocks<Step>(rows[row], rows[row + Step],
                          std::make_index_sequence<static_cast<std::size_t>(kWideLanes)>{});
      }
    }
    transpose_from<2 * Step>(rows);
  }
}

/// Lane l of row k becomes lane k of row l.
inline void transpose(Wide (&rows)[kWideLanes]) {
  transpose_from<1>(rows);
}

}  // namespace
