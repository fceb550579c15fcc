#include "src/lrprop/evaluation/tasks.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <utility>

#include "src/training/samples/schedule.hpp"

namespace alignment::lrprop {
namespace {

constexpr std::chrono::milliseconds kBetweenLooks{200};

/// This rank's tasks, the dearest first.
std::vector<std::size_t> share_of_rank(const std::vector<Task>& tasks, const dist::Communicator& communicator) {
  std::vector<std::int64_t> costs;
  for (const Task& task : tasks) costs.push_back(task.cost);
  const std::vector<int> owners = owners_of_work(costs, communicator.size());
  std::vector<std::size_t> mine;
  for (std::size_t task = 0; task < tasks.size(); ++task) {
    if (owners[task] == communicator.rank().value) mine.push_back(task);
  }
  std::ranges::stable_sort(mine, std::ranges::greater{}, [&](std::size_t task) { return costs[task]; });
  return mine;
}

/// Threads that do some of the tasks. The destructor stops and awaits them.
class Workers {
 public:
  Workers(const std::vector<Task>& tasks, std::vector<std::size_t> mine, int threads)
      : tasks_(tasks), mine_(std::move(mine)), results_(tasks.size()) {
    const std::size_t count = std::min(mine_.size(), static_cast<std::size_t>(threads));
    try {
      for (std::size_t n = 0; n < count; ++n) threads_.emplace_back([this] { work(); });
    } catch (...) {  // no room for another thread: those that run have to be joined
      stop();
      throw;
    }
  }
  ~Workers() { stop(); }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// Waits a little, or until all tasks are done or one has failed. Returns how many are done; throws what one threw.
  std::int64_t look() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kBetweenLooks, [&] { return done_ == std::ssize(mine_) || failure_; });
    if (failure_) std::rethrow_exception(failure_);
    return done_;
  }
  [[nodiscard]] std::int64_t count() const { return std::ssize(mine_); }
  /// Of all tasks, empty for those that are not this rank's. Once all are done.
  [[nodiscard]] const std::vector<std::vector<double>>& results() const { return results_; }

 private:
  void stop() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
  }

  void work() {
    for (std::size_t n = next_++; n < mine_.size() && !stop_; n = next_++) {
      std::exception_ptr failure;
      try {
        results_[mine_[n]] = tasks_[mine_[n]].work(stop_);
      } catch (const FitStopped&) {
        return;
      } catch (...) {
        failure = std::current_exception();
      }
      const std::scoped_lock lock(mutex_);
      if (!failure_) failure_ = failure;
      ++done_;
      changed_.notify_one();
    }
  }

  const std::vector<Task>& tasks_;
  std::vector<std::size_t> mine_;
  std::vector<std::vector<double>> results_;
  std::atomic<std::size_t> next_ = 0;
  StopFlag stop_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::int64_t done_ = 0;
  std::exception_ptr failure_;
  std::vector<std::thread> threads_;
};

/// Every rank's results on all of them: each number is one rank's, the others add 0.
std::vector<std::vector<double>> share_results(const std::vector<Task>& tasks,
                                               const std::vector<std::vector<double>>& mine,
                                               dist::Communicator& communicator) {
  std::vector<double> numbers;
  for (std::size_t task = 0; task < tasks.size(); ++task) {
    numbers.insert(numbers.end(), mine[task].begin(), mine[task].end());
    if (mine[task].empty()) numbers.resize(numbers.size() + static_cast<std::size_t>(tasks[task].numbers));
  }
  communicator.all_reduce(std::span(numbers), dist::Reduction::kSum);
  std::vector<std::vector<double>> results;
  auto first = numbers.begin();
  for (const Task& task : tasks) {
    results.emplace_back(first, first + task.numbers);
    first += task.numbers;
  }
  return results;
}

}  // namespace

std::vector<std::vector<double>> run_tasks(const std::vector<Task>& tasks, int threads, WorkWatch& watch,
                                           dist::Communicator& communicator) {
  if (tasks.empty()) return {};
  std::optional<Workers> workers;
  agreed(communicator, [&] { workers.emplace(tasks, share_of_rank(tasks, communicator), threads); });
  std::int64_t done = 0, left_anywhere = 1;
  while (left_anywhere > 0) {
    LocalPhase local;
    std::int64_t done_before = done;
    local.attempt([&] { done = workers->look(); });
    watch.report(done - done_before, local);
    left_anywhere = workers->count() - done;
    communicator.all_reduce(std::span(&left_anywhere, 1), dist::Reduction::kSum);
  }
  return share_results(tasks, workers->results(), communicator);
}

}  // namespace alignment::lrprop
