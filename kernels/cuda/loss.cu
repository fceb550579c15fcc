#include "kernels/loss.hpp"

#include "kernels/cuda/device.cuh"

namespace alignment::kernels::cuda {
namespace {

constexpr int kThreads = 128, kWarps = kThreads / kWarp;
constexpr double kEpsilon = 1e-18;

__device__ __forceinline__ double shuffle(double value, int mask) {
  return __shfl_xor_sync(kAllLanes, value, mask);
}

/// Combines a number of every thread; all threads get the result. The order is fixed: a tree over lanes, then over
/// warps.
template <typename Combine>
__device__ __forceinline__ double over_block(double value, double* scratch, Combine combine) {
#pragma unroll
  for (int mask = kWarp / 2; mask > 0; mask /= 2) value = combine(value, shuffle(value, mask));
  __syncthreads();  // the scratch of the call before has been read
  if (threadIdx.x % kWarp == 0) scratch[threadIdx.x / kWarp] = value;
  __syncthreads();
  double result = scratch[0];
#pragma unroll
  for (int warp = 1; warp < kWarps; ++warp) result = combine(result, scratch[warp]);
  return result;
}

struct Add {
  __device__ double operator()(double left, double right) const { return left + right; }
};
struct Larger {
  __device__ double operator()(double left, double right) const { return fmax(left, right); }
};
struct Smaller {
  __device__ double operator()(double left, double right) const { return fmin(left, right); }
};

/// `kLogarithms`: rule.norm is kLog; apart, as logarithms in every sum would leave no room for the rest in registers.
/// One block a sample. A thread has the classes threadIdx.x, threadIdx.x + kThreads, ...
template <bool kLogarithms>
__global__ void __launch_bounds__(kThreads)
    sample_losses_kernel(const double* __restrict__ all_distances, const std::int32_t* __restrict__ labels, int classes,
                         LossRule rule, double scale, SampleLoss* __restrict__ losses,
                         float* __restrict__ all_gradients) {
  __shared__ double scratch[kWarps];
  const std::int64_t b = blockIdx.x;
  const double* const distances = all_distances + b * classes;
  float* const gradients = all_gradients + b * classes;
  const int label = labels[b], thread = static_cast<int>(threadIdx.x);
  const double count = classes;
  const bool normalise = rule.norm == LogitNorm::kLayernorm;
  const double of_logarithms = rule.scale, smoothing = rule.smoothing;
  const auto sum_over_classes = [&](auto term) {
    double sum = 0.0;
    for (int c = thread; c < classes; c += kThreads) sum += term(c);
    return over_block(sum, scratch, Add{});
  };

  double mean = 0.0, deviation = 1.0;
  if (normalise) {
    mean = sum_over_classes([&](int c) { return -distances[c]; }) / count;
    deviation =
        sqrt(sum_over_classes([&](int c) { return (-distances[c] - mean) * (-distances[c] - mean); }) / (count - 1.0));
  }
  double least = 0.0;  // distance that counts
  if constexpr (kLogarithms) {
    for (int c = thread; c < classes; c += kThreads) least = fmax(least, distances[c]);
    least = kLeastShare * over_block(least, scratch, Larger{});
  }
  const double divisor = deviation + kEpsilon;
  const auto logit_of = [&](double distance) {
    if constexpr (!kLogarithms) return (-distance - mean) / divisor;
    return least == 0.0 && distance == 0.0 ? 0.0 : -of_logarithms * log(distance < least ? least : distance);
  };
  const auto logit = [&](int c) { return logit_of(distances[c]); };

  double nearest = HUGE_VAL;
  for (int c = thread; c < classes; c += kThreads) nearest = fmin(nearest, distances[c]);
  nearest = over_block(nearest, scratch, Smaller{});
  const double largest = logit_of(nearest);
  const double sum = sum_over_classes([&](int c) { return exp(logit(c) - largest); });
  double target_value = logit(label);
  if (smoothing > 0.0) {
    const double logits = sum_over_classes(logit);
    target_value = (1.0 - smoothing) * target_value + smoothing * logits / count;
  }
  const double loss = log(sum) - (target_value - largest);

  double lowest = count;  // the lowest class at the smallest distance
  for (int c = thread; c < classes; c += kThreads) {
    if (distances[c] == nearest) {
      lowest = c;
      break;
    }
  }
  lowest = over_block(lowest, scratch, Smaller{});
  if (thread == 0) losses[b] = {loss, lowest < count ? static_cast<std::int32_t>(lowest) : 0};

  if (!isfinite(loss)) {
    for (int c = thread; c < classes; c += kThreads) gradients[c] = __int_as_float(0x7FC00000);
    return;
  }
  // dL/dx = softmax(x) - targets. With x = (logit - mean)/(s + eps):
  //   dL/dlogit_k = (dL/dx_k - mean(dL/dx)) / (s + eps)
  //                 - (logit_k - mean) * sum_j dL/dx_j (logit_j - mean) / ((C-1) s (s + eps)^2)
  // With x = -scale ln(distance): dL/ddistance_k = -scale dL/dx_k / distance_k.
  const double everywhere = smoothing / count;
  const auto upstream = [&](int c) {
    return exp(logit(c) - largest) / sum - (c == label ? 1.0 - smoothing : 0.0) - everywhere;
  };
  if constexpr (kLogarithms) {
    for (int c = thread; c < classes; c += kThreads) {
      const bool counts = least > 0.0 && !(distances[c] < least);
      gradients[c] = counts ? static_cast<float>(-scale * of_logarithms * upstream(c) / distances[c]) : 0.0F;
    }
    return;
  }
  double upstream_mean = 0.0, curvature = 0.0;
  if (normalise) {
    upstream_mean = sum_over_classes(upstream) / count;
    const double projection = sum_over_classes([&](int c) { return upstream(c) * (-distances[c] - mean); });
    // All distances equal: the deviation's own gradient is taken as 0.
    curvature = deviation > 0.0 ? projection / ((count - 1.0) * deviation * divisor * divisor) : 0.0;
  }
  for (int c = thread; c < classes; c += kThreads) {
    const double logit_gradient = (upstream(c) - upstream_mean) / divisor - (-distances[c] - mean) * curvature;
    gradients[c] = static_cast<float>(-scale * logit_gradient);
  }
}

__global__ void add_distance_parts_kernel(const float* __restrict__ parts, std::int64_t part_count, std::int64_t paths,
                                          double* __restrict__ distances) {
  const std::int64_t path = global_thread();
  if (path >= paths) return;
  double sum = 0.0;
  for (std::int64_t part = 0; part < part_count; ++part) sum += static_cast<double>(parts[part * paths + path]);
  distances[path] = sum;
}

}  // namespace

void add_distance_parts(const float* parts, std::int64_t part_count, std::int64_t count, std::int64_t classes,
                        double* distances, Stream stream) {
  launch("add_distance_parts", add_distance_parts_kernel, grid(divide_up<std::int64_t>(count * classes, 256)), 256, 0,
         stream, parts, part_count, count * classes, distances);
}

void sample_losses(const double* distances, const std::int32_t* labels, std::int64_t count, std::int64_t classes,
                   const LossRule& rule, double scale, SampleLoss* losses, float* distance_gradient, Stream stream) {
  const auto kernel = rule.norm == LogitNorm::kLog ? sample_losses_kernel<true> : sample_losses_kernel<false>;
  launch("sample_losses", kernel, grid(count), kThreads, 0, stream, distances, labels, static_cast<int>(classes), rule,
         scale, losses, distance_gradient);
}

}  // namespace alignment::kernels::cuda
