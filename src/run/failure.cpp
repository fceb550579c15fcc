#include "src/run/failure.hpp"

#include <algorithm>
#include <new>

#include "io/crash_guard.hpp"
#include "io/errors.hpp"
#include "src/config/command_line.hpp"
#include "src/run/signals.hpp"

namespace dejavid {

static_assert(static_cast<int>(io::GuardedFile::kStore) == static_cast<int>(ExitCode::kStore));
static_assert(static_cast<int>(io::GuardedFile::kModelFile) == static_cast<int>(ExitCode::kModel));

namespace {

dist::Failure failure(ExitCode code, std::string message) {
  std::replace(message.begin(), message.end(), '\n', ' ');
  return {static_cast<int>(code), std::move(message)};
}

}  // namespace

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
    return failure(
        ExitCode::kOther,
        "memory: found too little; expected room for the model, its gradients and the batches; use a smaller "
        "train.batch_size, data.cache = \"none\", or fewer ranks on the host");
  } catch (const std::exception& other) {
    return failure(ExitCode::kOther, other.what());
  } catch (...) {
    return failure(ExitCode::kOther, "an error of unknown type");
  }
}

}  // namespace dejavid
