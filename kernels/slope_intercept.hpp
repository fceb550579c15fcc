#pragma once

#include "kernels/device.hpp"
#include "kernels/tensors.hpp"

/// Slope and intercept of a sample's distance in the centroid, along a fixed path (thesis, section 3.4):
///   slope[c,i,f] = sum over columns j of row i of sign(centroid - m)      intercept[c,i,f] = sum of -sign * m[j,f]
///   distance = sum u * (centroid*slope + intercept)
namespace alignment::kernels {

namespace reference {
/// slope, intercept: [B,C,K,F] out.
template <typename Real>
void slope_intercept(const ParametersView<Real>& parameters, const SamplesView<Real>& samples,
                     const std::int32_t* breakpoints, TieSign tie_sign, double* slope, double* intercept);
}  // namespace reference

namespace cpu {
/// As the reference, in f32. The weights of `parameters` are not read.
void slope_intercept(const ParametersView<float>& parameters, const SamplesView<float>& samples,
                     const std::int32_t* breakpoints, TieSign tie_sign, float* slope, float* intercept, int threads);
}  // namespace cpu

namespace cuda {
/// As the reference, in f32. The weights of `parameters` are not read.
void slope_intercept(const ParametersView<float>& parameters, const Samples& samples, const std::int32_t* breakpoints,
                     TieSign tie_sign, float* slope, float* intercept, Stream stream);
}  // namespace cuda

}  // namespace alignment::kernels
