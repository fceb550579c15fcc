#include "src/job/exit_code.hpp"

#include <algorithm>
#include <exception>
#include <new>
#include <stdexcept>
#include <system_error>

#include "dist/watch/watchdog.hpp"
#include "io/errors.hpp"
#include "io/hdf5/crash_guard.hpp"
#include "src/config/error.hpp"
#include "src/job/signals/signals.hpp"

namespace alignment {

// Where a library ends the process itself, it has the number from its own header.
static_assert(static_cast<int>(io::GuardedFile::kStore) == static_cast<int>(ExitCode::kStore));
static_assert(static_cast<int>(io::GuardedFile::kModelFile) == static_cast<int>(ExitCode::kModel));
static_assert(dist::detail::kTimeoutCode == static_cast<int>(ExitCode::kTimeout));
static_assert(dist::detail::kRankLostCode == static_cast<int>(ExitCode::kRankLost));

namespace {

constinit std::string_view advice_on_memory = "use smaller batches, data.cache = \"none\", or fewer ranks on the host";

dist::Failure failure(ExitCode code, std::string message) {
  std::replace(message.begin(), message.end(), '\n', ' ');
  return {static_cast<int>(code), std::move(message)};
}

std::string too_little_memory() {
  return std::string(kTooLittleMemory) += advice_on_memory;
}

}  // namespace

std::string_view memory_advice() {
  return advice_on_memory;
}

void set_memory_advice(std::string_view advice) {
  advice_on_memory = advice;
}

dist::Failure describe(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const dist::AgreedFailure& agreed) {
    return {agreed.code, agreed.what()};
  } catch (const ConfigError& config) {
    return failure(ExitCode::kUsage, config.what());
  } catch (const dist::LaunchError& launch) {
    return failure(ExitCode::kUsage, launch.what());
  } catch (const io::StoreError& store) {
    return failure(ExitCode::kStore, store.what());
  } catch (const io::ModelFileError& model) {
    return failure(ExitCode::kModel, model.what());
  } catch (const io::NotFiniteError& number) {
    return failure(ExitCode::kNotFinite, number.what());
  } catch (const io::WriteError& write) {
    return failure(ExitCode::kCannotWrite, write.what());
  } catch (const dist::TimeoutError& timeout) {
    return failure(ExitCode::kTimeout, timeout.what());
  } catch (const dist::RankLostError& lost) {
    return failure(ExitCode::kRankLost, lost.what());
  } catch (const StopRequested& stop) {
    return failure(ExitCode::kStopped, stop.what());
  } catch (const std::bad_alloc&) {
    return failure(ExitCode::kOther, too_little_memory());
  } catch (const std::length_error&) {  // of more than an address could say
    return failure(ExitCode::kOther, too_little_memory());
  } catch (const std::system_error& system) {
    if (system.code() == std::errc::not_enough_memory) {
      return failure(ExitCode::kOther, too_little_memory());
    }
    if (system.code() == std::errc::resource_unavailable_try_again) {  // what a thread that cannot begin says
      return failure(ExitCode::kOther,
                     "memory: found no room for another thread; expected some MiB for its stack and leave to begin it; "
                     "raise the limits on memory and processes (ulimit -v, -u), or use fewer ranks on the host");
    }
    return failure(ExitCode::kOther, system.what());
  } catch (const std::exception& other) {
    return failure(ExitCode::kOther, other.what());
  } catch (...) {
    return failure(ExitCode::kOther, "an error of unknown type");
  }
}

}  // namespace alignment
