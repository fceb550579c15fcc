#include "src/encoding/job/worker_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <system_error>
#include <thread>

#include "dist/topology.hpp"
#include "io/errors.hpp"
#include "src/encoding/job/torch_threads.hpp"
#include "tests/src/encoding/job/numbered_videos.hpp"
#include "tests/src/thread_limit.hpp"

namespace alignment::encoding {

void compute_on_this_thread() {}

namespace {

class WorkerPoolTest : public testing::Test {
 protected:
  TemporaryFolder folder_;
  std::vector<Video> videos_;

  Video& add(const std::string& id, std::int64_t frames) {
    Video& video = videos_.emplace_back();
    video.id = video.listed = id;
    video.file = numbered_video(folder_ / id, frames);
    look_at_file(video);
    return video;
  }
  /// Has all videos encoded, one after the other; then throws what a worker met.
  std::vector<FinishedVideo> encode(const Encoder& encoder) {
    std::vector<FinishedVideo> all;
    WorkerPool pool(encoder, {WindowRule{}, 16}, videos_, 1);
    for (std::int64_t number = 0; number < std::ssize(videos_); ++number) pool.give(number);
    while (pool.in_hand() > 0) {
      for (FinishedVideo& one : pool.take(std::chrono::milliseconds(2))) all.push_back(std::move(one));
    }
    pool.require_sound();
    return all;
  }
  std::string failure(const Encoder& encoder = NumberEncoder(EncoderKind::kClip)) {
    return message_of<io::StoreError>([&] { static_cast<void>(encode(encoder)); });
  }
  std::string of(const std::string& id) const { return (folder_ / id).string() + ": "; }
};

TEST_F(WorkerPoolTest, TellsVideosThatAreBad) {
  add("good", 20);
  add("empty", 0);
  const std::vector<FinishedVideo> all = encode(NumberEncoder(EncoderKind::kClip));
  ASSERT_EQ(all.size(), 2U);
  EXPECT_TRUE(all[0].encoded);
  EXPECT_FALSE(all[1].encoded);
  EXPECT_NE(all[1].reason.find("found no frame that decodes"), std::string::npos) << all[1].reason;
}

TEST_F(WorkerPoolTest, FailsWhereThisHostDoesNotHaveAVideo) {
  std::filesystem::remove(add("gone", 20).file);
  const std::string message = failure();
  EXPECT_TRUE(message.starts_with(of("gone") + "found No such file")) << message;
}

TEST_F(WorkerPoolTest, FailsWhereThisHostHasAnotherVideoByTheName) {
  add("other", 20).bytes += 1;
  EXPECT_TRUE(failure().starts_with(of("other") + "found another size or time")) << failure();
  videos_.clear();
  add("broken meanwhile", 0).modified_ns += 1;
  EXPECT_TRUE(failure().starts_with(of("broken meanwhile") + "found another size or time")) << failure();
}

TEST_F(WorkerPoolTest, FailsWhereThisHostCannotReadAVideo) {
  add("unreadable", kUnreadable);
  EXPECT_EQ(failure(), of("unreadable") + "found a disk that fails (on the host " + dist::host_name() +
                           "; another may read it, so that --bad-videos skip does not leave it out)");
  videos_.clear();
  add("large", kTooLarge);
  EXPECT_TRUE(failure().starts_with(of("large") + "found no memory")) << failure();
}

TEST_F(WorkerPoolTest, FailsWhereAThreadCannotBegin) {
  const NumberEncoder encoder(EncoderKind::kClip);
  const ThreadLimit limit(1);
  EXPECT_THROW(WorkerPool(encoder, {WindowRule{}, 16}, videos_, 3), std::system_error);
}

TEST_F(WorkerPoolTest, CountsTheWorkOfAVideoThatIsGivenUp) {
  add("long", 500);
  NumberEncoder encoder(EncoderKind::kClip);
  WorkerPool* running = nullptr;
  std::int64_t batches = 0, parts = 0;
  std::atomic<bool> ready = false;
  encoder.before = [&] {
    while (!ready) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    if (++batches == 2) {
      parts = running->encoded_parts();
      running->abandon();
    }
  };
  WorkerPool pool(encoder, {WindowRule{}, 1}, videos_, 1);
  running = &pool;
  ready = true;
  pool.give(0);
  while (pool.in_hand() > 0) static_cast<void>(pool.take(std::chrono::milliseconds(2)));
  EXPECT_EQ(batches, 2);
  EXPECT_EQ(parts, EncodingWork::kWhole / 33);
  EXPECT_GE(pool.times().encoding, 0.04);
  EXPECT_GT(pool.decoded_frames(), 0);
}

TEST_F(WorkerPoolTest, CountsAVideoThatIsBadAsAWholeOne) {
  add("empty", 0);
  const NumberEncoder encoder(EncoderKind::kClip);
  WorkerPool pool(encoder, {WindowRule{}, 16}, videos_, 1);
  pool.give(0);
  while (pool.in_hand() > 0) static_cast<void>(pool.take(std::chrono::milliseconds(2)));
  EXPECT_EQ(pool.encoded_parts(), EncodingWork::kWhole);
}

TEST_F(WorkerPoolTest, NamesTheVideoWithWhichTheEncoderFails) {
  add("dark", 20);
  NumberEncoder encoder(EncoderKind::kClip);
  encoder.throws = true;
  EXPECT_EQ(message_of<EncoderError>([&] { static_cast<void>(encode(encoder)); }),
            "while encoding 'dark': numbers: found a failure; expected none; look");
}

}  // namespace
}  // namespace alignment::encoding
