// CUDA's host calls: what each checks and to whom it passes on.
#include <cuda_runtime.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "cuda_shim.hpp"
#include "grid.hpp"
#include "memory.hpp"
#include "streams.hpp"

namespace alignment::cuda_shim {
namespace {

constexpr int kMultiprocessors = 4, kL2Bytes = 1 << 20;
constexpr int kLeastPriority = 0, kGreatestPriority = -5;

thread_local int current_device = 0;
thread_local cudaError_t last_error = cudaSuccess;

cudaError_t keep(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

int device_count() {
  static const auto count = static_cast<int>(number_from_environment("DEJAVID_SHIM_DEVICES", 1));
  return count;
}

/// The PCI bus of a device, by which processes that see different ones tell them apart.
int pci_bus(int device) {
  static const auto first = static_cast<int>(number_from_environment("DEJAVID_SHIM_FIRST", 0));
  return first + device + 1;
}

std::atomic<cudaError_t> broken_by = cudaSuccess;

/// What every call that needs the device asks first.
cudaError_t device_error() {
  if (const cudaError_t error = broken_by) return error;
  if (device_count() == 0) return cudaErrorNoDevice;
  if (streams().stopped()) return cudaErrorCudartUnloading;
  return cudaSuccess;
}

/// nullptr is the default stream.
cudaError_t stream_error(cudaStream_t stream) {
  if (const cudaError_t error = device_error()) return error;
  return stream == nullptr || streams().known(stream) ? cudaSuccess : cudaErrorInvalidResourceHandle;
}

cudaError_t event_error(cudaEvent_t event) {
  if (const cudaError_t error = device_error()) return error;
  return streams().known(event) ? cudaSuccess : cudaErrorInvalidResourceHandle;
}

/// Errors after the calls' checks have passed come out of Streams as aborts, so a call ends so:
template <typename Call>
cudaError_t checked(cudaError_t error, Call&& call) {
  if (error != cudaSuccess) return keep(error);
  call();
  return keep(streams().stopped() ? cudaErrorCudartUnloading : cudaSuccess);
}

bool on_device(const void* pointer) {
  Memory::Kind kind{};
  int device = 0;
  return memory().find(pointer, kind, device) && kind == Memory::Kind::kDevice;
}

/// A copy between host and device must name what is where, and stay inside.
cudaError_t copy_error(const void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  if (bytes == 0) return cudaSuccess;
  if (kind < cudaMemcpyHostToHost || kind > cudaMemcpyDefault) return cudaErrorInvalidMemcpyDirection;
  const bool to_device = kind == cudaMemcpyDefault ? on_device(to) : kind & 1;
  const bool from_device = kind == cudaMemcpyDefault ? on_device(from) : kind & 2;
  if (to_device ? !memory().contains(Memory::Kind::kDevice, to, bytes) : on_device(to)) return cudaErrorInvalidValue;
  if (from_device ? !memory().contains(Memory::Kind::kDevice, from, bytes) : on_device(from))
    return cudaErrorInvalidValue;
  return cudaSuccess;
}

struct LaunchLimits {
  std::mutex mutex;
  std::map<const void*, std::size_t> shared_bytes;
};

LaunchLimits& limits() {
  static auto* const the_limits = new LaunchLimits;
  return *the_limits;
}

std::size_t shared_limit(const void* kernel) {
  const std::lock_guard lock(limits().mutex);
  const auto found = limits().shared_bytes.find(kernel);
  return found == limits().shared_bytes.end() ? kPlainSharedBytes : found->second;
}

cudaError_t configuration_error(const cudaLaunchConfig_t& config, const void* kernel) {
  const dim3 grid = config.gridDim, block = config.blockDim;
  if (config.numAttrs != 0) return cudaErrorNotSupported;
  for (const unsigned extent : {grid.x, grid.y, grid.z, block.x, block.y, block.z}) {
    if (extent == 0) return cudaErrorInvalidConfiguration;
  }
  if (grid.x > 0x7fffffffU || grid.y > 65535 || grid.z > 65535) return cudaErrorInvalidConfiguration;
  if (block.x > kMaxThreads || block.y > kMaxThreads || block.z > 64 || block.x * block.y * block.z > kMaxThreads)
    return cudaErrorInvalidConfiguration;
  if (config.dynamicSmemBytes > shared_limit(kernel)) return cudaErrorInvalidValue;
  return cudaSuccess;
}

struct NamedError {
  cudaError_t error;
  const char* name;
  const char* text;
};

constexpr std::array kErrors{
    NamedError{cudaSuccess, "cudaSuccess", "no error"},
    NamedError{cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    NamedError{cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    NamedError{cudaErrorCudartUnloading, "cudaErrorCudartUnloading", "driver shutting down"},
    NamedError{cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration", "invalid configuration argument"},
    NamedError{cudaErrorInvalidMemcpyDirection, "cudaErrorInvalidMemcpyDirection", "invalid copy direction for memcpy"},
    NamedError{cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    NamedError{cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    NamedError{cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    NamedError{cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    NamedError{cudaErrorIllegalAddress, "cudaErrorIllegalAddress", "an illegal memory access was encountered"},
    NamedError{cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    NamedError{cudaErrorNotSupported, "cudaErrorNotSupported", "operation not supported"},
};

const NamedError& named(cudaError_t error) {
  static constexpr NamedError kUnknown{cudaErrorUnknown, "cudaErrorUnknown", "unknown error"};
  for (const NamedError& known : kErrors) {
    if (known.error == error) return known;
  }
  return kUnknown;
}

cudaError_t ordinal_error(int device) {
  if (device_count() == 0) return cudaErrorNoDevice;
  return device >= 0 && device < device_count() ? cudaSuccess : cudaErrorInvalidDevice;
}

cudaError_t allocate(Memory::Kind kind, void** pointer, std::size_t bytes) {
  if (const cudaError_t error = device_error()) return keep(error);
  if (kind == Memory::Kind::kDevice) streams().synchronize_device(current_device);
  *pointer = memory().allocate(kind, current_device, bytes);
  return keep(*pointer == nullptr && bytes != 0 ? cudaErrorMemoryAllocation : cudaSuccess);
}

cudaError_t release(Memory::Kind kind, void* pointer) {
  if (const cudaError_t error = device_error()) return keep(error);
  if (pointer == nullptr) return cudaSuccess;
  Memory::Kind found{};
  int device = 0;
  if (memory().find(pointer, found, device)) streams().synchronize_device(device);
  memory().release(kind, pointer);
  return cudaSuccess;
}

}  // namespace

cudaError_t launch(const cudaLaunchConfig_t& config, const void* kernel, std::function<void()> thread_body) {
  cudaError_t error = stream_error(config.stream);
  if (error == cudaSuccess) error = configuration_error(config, kernel);
  return checked(error, [&] {
    streams().launch(config.stream, current_device, [config, body = std::move(thread_body)](std::uint64_t seed) {
      run_grid(config.gridDim, config.blockDim, config.dynamicSmemBytes, body, seed);
    });
  });
}

cudaError_t set_attribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
  if (value < 0 || static_cast<std::size_t>(value) > kMaxSharedBytes) return keep(cudaErrorInvalidValue);
  const std::lock_guard lock(limits().mutex);
  limits().shared_bytes[kernel] = static_cast<std::size_t>(value);
  return cudaSuccess;
}

cudaError_t get_attributes(cudaFuncAttributes* attributes, const void* kernel) {
  *attributes = {};
  attributes->maxThreadsPerBlock = kMaxThreads;
  attributes->maxDynamicSharedSizeBytes = static_cast<int>(shared_limit(kernel));
  return cudaSuccess;
}

void set_seed(std::uint64_t seed) {
  streams().set_seed(seed);
}

void enqueue(cudaStream_t stream, std::function<bool()> done) {
  if (stream_error(stream) != cudaSuccess) fail("enqueue() on what is no stream");
  streams().enqueue(stream, current_device, std::move(done));
}

void break_device(cudaError_t error) {
  broken_by = error;
}

Held held() {
  Held held;
  memory().fill(held);
  streams().fill(held);
  return held;
}

void reset_peak() {
  memory().reset_peak();
}

std::vector<int> stream_priorities() {
  return streams().priorities();
}

}  // namespace alignment::cuda_shim

using namespace alignment::cuda_shim;

const char* cudaGetErrorName(cudaError_t error) {
  return named(error).name;
}
const char* cudaGetErrorString(cudaError_t error) {
  return named(error).text;
}
cudaError_t cudaGetLastError() {
  return std::exchange(last_error, cudaSuccess);
}
cudaError_t cudaPeekAtLastError() {
  return last_error;
}

// ---- devices

cudaError_t cudaDriverGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = device_count();
  return keep(*count == 0 ? cudaErrorNoDevice : cudaSuccess);
}

cudaError_t cudaGetDevice(int* device) {
  *device = current_device;
  return keep(device_error());
}

cudaError_t cudaSetDevice(int device) {
  return checked(ordinal_error(device), [&] { current_device = device; });
}

cudaError_t cudaSetDeviceFlags(unsigned) {
  return keep(device_error());
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (const cudaError_t error = ordinal_error(device)) return keep(error);
  *properties = {};
  std::snprintf(properties->name, sizeof(properties->name), "emulated GPU");
  std::memcpy(properties->uuid.bytes, &device, sizeof(device));
  properties->totalGlobalMem = Memory::total_bytes();
  properties->sharedMemPerBlock = kPlainSharedBytes;
  properties->sharedMemPerBlockOptin = kMaxSharedBytes;
  properties->sharedMemPerMultiprocessor = kMaxSharedBytes + 1024;
  properties->warpSize = warpSize;
  properties->maxThreadsPerBlock = kMaxThreads;
  properties->maxThreadsPerMultiProcessor = 2048;
  properties->multiProcessorCount = kMultiprocessors;
  properties->regsPerBlock = 65536;
  properties->l2CacheSize = kL2Bytes;
  properties->major = 9;
  properties->pciBusID = pci_bus(device);
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  cudaDeviceProp properties;
  if (const cudaError_t error = cudaGetDeviceProperties(&properties, device)) return error;
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
      *value = properties.maxThreadsPerBlock;
      break;
    case cudaDevAttrWarpSize:
      *value = properties.warpSize;
      break;
    case cudaDevAttrClockRate:
      *value = 1;  // kHz: an emulated multiprocessor is faster than that
      break;
    case cudaDevAttrMultiProcessorCount:
      *value = properties.multiProcessorCount;
      break;
    case cudaDevAttrPciBusId:
      *value = properties.pciBusID;
      break;
    case cudaDevAttrPciDeviceId:
      *value = properties.pciDeviceID;
      break;
    case cudaDevAttrL2CacheSize:
      *value = properties.l2CacheSize;
      break;
    case cudaDevAttrPciDomainId:
      *value = properties.pciDomainID;
      break;
    case cudaDevAttrComputeCapabilityMajor:
      *value = properties.major;
      break;
    case cudaDevAttrComputeCapabilityMinor:
      *value = properties.minor;
      break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      *value = static_cast<int>(properties.sharedMemPerMultiprocessor);
      break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = static_cast<int>(properties.sharedMemPerBlockOptin);
      break;
    default:
      return keep(cudaErrorInvalidValue);
  }
  return cudaSuccess;
}

cudaError_t cudaDeviceGetPCIBusId(char* text, int size, int device) {
  if (const cudaError_t error = ordinal_error(device)) return keep(error);
  if (size < 13) return keep(cudaErrorInvalidValue);
  std::snprintf(text, static_cast<std::size_t>(size), "%04x:%02x:%02x.0", 0U, static_cast<unsigned>(pci_bus(device)),
                0U);
  return cudaSuccess;
}

cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  *least = kLeastPriority;
  *greatest = kGreatestPriority;
  return keep(device_error());
}

cudaError_t cudaDeviceSynchronize() {
  return checked(device_error(), [] { streams().synchronize_device(current_device); });
}

// ---- memory

cudaError_t cudaMalloc(void** pointer, std::size_t bytes) {
  return allocate(Memory::Kind::kDevice, pointer, bytes);
}
cudaError_t cudaFree(void* pointer) {
  return release(Memory::Kind::kDevice, pointer);
}
cudaError_t cudaHostAlloc(void** pointer, std::size_t bytes, unsigned) {
  return allocate(Memory::Kind::kPinned, pointer, bytes);
}
cudaError_t cudaMallocHost(void** pointer, std::size_t bytes, unsigned) {
  return allocate(Memory::Kind::kPinned, pointer, bytes);
}
cudaError_t cudaFreeHost(void* pointer) {
  return release(Memory::Kind::kPinned, pointer);
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  return checked(device_error(), [&] {
    *free = memory().free_bytes(current_device);
    *total = Memory::total_bytes();
  });
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  return checked(device_error(), [&] {
    *attributes = {cudaMemoryTypeUnregistered, -1, nullptr, const_cast<void*>(pointer)};
    Memory::Kind kind{};
    int device = 0;
    if (!memory().find(pointer, kind, device)) return;
    attributes->device = device;
    attributes->devicePointer = const_cast<void*>(pointer);
    attributes->type = kind == Memory::Kind::kDevice ? cudaMemoryTypeDevice : cudaMemoryTypeHost;
    if (kind == Memory::Kind::kDevice) attributes->hostPointer = nullptr;
  });
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  return cudaMemcpy2DAsync(to, bytes, from, bytes, bytes, 1, kind, stream);
}

cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                              std::size_t width, std::size_t height, cudaMemcpyKind kind, cudaStream_t stream) {
  cudaError_t error = stream_error(stream);
  if (error == cudaSuccess && (width > to_pitch || width > from_pitch)) error = cudaErrorInvalidValue;
  auto* const first_to = static_cast<std::byte*>(to);
  const auto* const first_from = static_cast<const std::byte*>(from);
  for (std::size_t row = 0; error == cudaSuccess && row < height; ++row)
    error = copy_error(first_to + row * to_pitch, first_from + row * from_pitch, width, kind);
  return checked(error, [&] {
    streams().enqueue(stream, current_device, [=] {
      for (std::size_t row = 0; width > 0 && row < height; ++row)
        std::memcpy(first_to + row * to_pitch, first_from + row * from_pitch, width);
      return true;
    });
  });
}

cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
  cudaError_t error = stream_error(stream);
  if (error == cudaSuccess && bytes > 0 && !memory().contains(Memory::Kind::kDevice, to, bytes))
    error = cudaErrorInvalidValue;
  return checked(error, [&] {
    streams().enqueue(stream, current_device, [=] {
      if (bytes > 0) std::memset(to, value, bytes);
      return true;
    });
  });
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  const bool pageable = on_device(to) && !on_device(from) && !memory().contains(Memory::Kind::kPinned, from, bytes);
  if (pageable && copy_error(to, from, bytes, kind) == cudaSuccess) {
    if (const cudaError_t error = cudaStreamSynchronize(nullptr)) return error;
    const auto* const first = static_cast<const std::byte*>(from);
    return checked(device_error(), [&] {  // from here on `from` is the caller's again
      streams().enqueue_late(nullptr, current_device, [to, staged = std::vector<std::byte>(first, first + bytes)] {
        std::memcpy(to, staged.data(), staged.size());
        return true;
      });
    });
  }
  const cudaError_t error = cudaMemcpyAsync(to, from, bytes, kind, nullptr);
  return error != cudaSuccess ? error : cudaStreamSynchronize(nullptr);
}

cudaError_t cudaMemset(void* to, int value, std::size_t bytes) {
  return cudaMemsetAsync(to, value, bytes, nullptr);
}

// ---- streams

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int priority) {
  return checked(device_error(), [&] {  // out of range: the nearest within
    *stream = streams().create(current_device, (flags & cudaStreamNonBlocking) == 0,
                               std::clamp(priority, kGreatestPriority, kLeastPriority));
  });
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return cudaStreamCreateWithPriority(stream, flags, kLeastPriority);
}
cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}

cudaError_t cudaStreamGetPriority(cudaStream_t stream, int* priority) {
  return checked(stream_error(stream), [&] { *priority = streams().priority(stream); });
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  cudaError_t error = stream_error(stream);
  if (error == cudaSuccess && stream == nullptr) error = cudaErrorInvalidResourceHandle;
  return checked(error, [&] { streams().destroy(stream); });
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  if (const cudaError_t error = stream_error(stream)) return keep(error);
  return keep(streams().idle(stream, current_device) ? cudaSuccess : cudaErrorNotReady);
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return checked(stream_error(stream), [&] { streams().synchronize(stream, current_device); });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  cudaError_t error = stream_error(stream);
  if (error == cudaSuccess) error = event_error(event);
  return checked(error, [&] { streams().wait_for(event, stream, current_device); });
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* argument) {
  return checked(stream_error(stream), [&] {
    streams().enqueue(stream, current_device, [=] {
      function(argument);
      return true;
    });
  });
}

// ---- events

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  return checked(device_error(), [&] { *event = streams().create_event((flags & cudaEventDisableTiming) == 0); });
}
cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return checked(event_error(event), [&] { streams().destroy(event); });
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  cudaError_t error = stream_error(stream);
  if (error == cudaSuccess) error = event_error(event);
  return checked(error, [&] { streams().record(event, stream, current_device); });
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  if (const cudaError_t error = event_error(event)) return keep(error);
  return keep(streams().happened(event) ? cudaSuccess : cudaErrorNotReady);
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return checked(event_error(event), [&] { streams().synchronize(event); });
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  for (cudaEvent_t event : {start, end}) {
    if (const cudaError_t error = event_error(event)) return keep(error);
    if (!event->timed || streams().moments(event).recorded == 0) return keep(cudaErrorInvalidResourceHandle);
    if (!streams().happened(event)) return cudaErrorNotReady;
  }
  const std::chrono::duration<float, std::milli> passed = streams().moments(end).time - streams().moments(start).time;
  *milliseconds = passed.count();
  return cudaSuccess;
}
