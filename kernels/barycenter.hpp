#pragma once

#include "kernels/device.hpp"
#include "kernels/tensors.hpp"

/// The two steps of DTW barycenter averaging beside the path search.
namespace alignment::kernels {

namespace reference {
/// Linear interpolation of one sample [T,F] to [K,F], end points kept (K = 1 keeps the first step).
template <typename Real>
void resize_sample(const Real* sample, std::int64_t length, std::int64_t feature_dim, std::int64_t steps,
                   Real* resized);

/// centroid[i] = mean of all sample steps aligned to centroid step i, over all samples: every path cell counts once.
/// breakpoints [B,K-1] (one class); centroid [K,F] out.
template <typename Real>
void barycenter(const SamplesView<Real>& samples, const std::int32_t* breakpoints, std::int64_t steps, Real* centroid);
}  // namespace reference

namespace cpu {
void resize_sample(const float* sample, std::int64_t length, std::int64_t feature_dim, std::int64_t steps,
                   float* resized);

/// As the reference; `sums`: workspace of [F] f64. Sums run in f64, in sample order.
void barycenter(const SamplesView<float>& samples, const std::int32_t* breakpoints, std::int64_t steps, float* centroid,
                double* sums);
}  // namespace cpu

namespace cuda {
/// As reference::barycenter; sums run in f64, in sample order.
void barycenter(const Samples& samples, const std::int32_t* breakpoints, std::int64_t steps, float* centroid,
                Stream stream);
}  // namespace cuda

}  // namespace alignment::kernels
