#include "src/job/terminal/progress.hpp"

#include "src/job/terminal/terminal.hpp"

namespace alignment {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Clock::duration kBarInterval = std::chrono::milliseconds(100);
constexpr Clock::duration kLineInterval = std::chrono::seconds(5);

ProgressChoice decide(ProgressChoice choice) {
  if (choice != ProgressChoice::kAuto) return choice;
  return terminal::takes_escapes() ? ProgressChoice::kBar : ProgressChoice::kPlain;
}

}  // namespace

Progress::Progress(ProgressChoice choice, std::string stage, std::int64_t total, std::string unit, std::int64_t resumed)
    : choice_(decide(choice)), start_(Clock::now()), drawn_(start_) {
  state_.stage = std::move(stage);
  state_.unit = std::move(unit);
  state_.total = total;
  state_.done = state_.resumed = resumed;
  recent_.add(0, static_cast<double>(resumed));
  if (choice_ == ProgressChoice::kBar) draw();
}

Progress::~Progress() {
  finish();
}

void Progress::advance(std::int64_t amount, const std::string& note) {
  state_.done += amount;
  if (!note.empty()) state_.note = note;
  const Clock::duration interval = choice_ == ProgressChoice::kBar ? kBarInterval : kLineInterval;
  if (!finished_ && Clock::now() - drawn_ >= interval) draw();
}

void Progress::draw() {
  drawn_ = Clock::now();
  state_.seconds = std::chrono::duration<double>(drawn_ - start_).count();
  recent_.add(state_.seconds, static_cast<double>(state_.done) + state_.under_way);
  state_.recent_rate = recent_.per_second();
  if (choice_ == ProgressChoice::kBar) terminal::draw_bar(bar_line(state_, terminal::width()));
  if (choice_ == ProgressChoice::kPlain) terminal::write_line(plain_line(state_));
}

void Progress::finish() {
  if (finished_) return;
  finished_ = true;
  if (choice_ == ProgressChoice::kOff) return;
  state_.seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  terminal::write_line(closing_line(state_));
}

}  // namespace alignment
