#include "dist/watch/peers.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <thread>

namespace alignment::dist::detail {
namespace {

/// A child that does nothing until it is killed.
class Child {
 public:
  Child() : process_(fork()) {
    while (process_ == 0) pause();
  }
  ~Child() {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] pid_t process() const { return process_; }
  /// Sends a signal and waits until it has taken effect.
  void send(int signal) const {
    kill(process_, signal);
    siginfo_t information{};
    waitid(P_PID, static_cast<id_t>(process_), &information, WEXITED | WSTOPPED | WNOWAIT);
  }

 private:
  pid_t process_;
};

/// The identity of another process of this host.
ProcessIdentity identity_of(pid_t process, std::uint64_t started) {
  ProcessIdentity identity = own_identity();
  identity[3] = static_cast<std::uint64_t>(process);
  identity[4] = started;
  return identity;
}

/// A child began in this tick or one of the next.
std::vector<Neighbour> neighbours_beside(const Child& child) {
  for (std::uint64_t later = 0; later < 10'000; ++later) {
    const std::vector<ProcessIdentity> identities{own_identity(),
                                                  identity_of(child.process(), own_identity()[4] + later)};
    std::vector<Neighbour> found = visible_neighbours(identities, Rank{0});
    if (!found.empty()) return found;
  }
  return {};
}

TEST(PeerProcesses, KnowsItself) {
  EXPECT_EQ(own_identity()[3], static_cast<std::uint64_t>(getpid()));
  EXPECT_EQ(own_identity(), own_identity());
  const Neighbour myself{Rank{0}, getpid(), own_identity()[4]};
  EXPECT_EQ(condition_of(myself), Condition::kRunning);
}

TEST(PeerProcesses, FollowsAProcess) {
  const Child child;
  const std::vector<Neighbour> neighbours = neighbours_beside(child);
  ASSERT_EQ(neighbours.size(), 1);
  EXPECT_EQ(neighbours[0].rank, Rank{1});
  EXPECT_EQ(neighbours[0].process, child.process());
  EXPECT_EQ(condition_of(neighbours[0]), Condition::kRunning);
  child.send(SIGSTOP);
  EXPECT_EQ(condition_of(neighbours[0]), Condition::kStopped);
  child.send(SIGKILL);
  EXPECT_EQ(condition_of(neighbours[0]), Condition::kGone) << "ended, not waited for";
  waitpid(child.process(), nullptr, 0);
  EXPECT_EQ(condition_of(neighbours[0]), Condition::kGone);
}

TEST(PeerProcesses, IsNotMistakenForALaterOneWithItsId) {
  const Neighbour earlier{Rank{1}, getpid(), own_identity()[4] - 1};
  EXPECT_EQ(condition_of(earlier), Condition::kGone);
}

TEST(PeerProcesses, ElsewhereIsNoNeighbour) {
  const Child child;
  const std::vector<Neighbour> here = neighbours_beside(child);
  ASSERT_EQ(here.size(), 1);
  for (std::size_t part = 0; part < 5; ++part) {  // another boot, namespace, id or start
    ProcessIdentity other = identity_of(child.process(), here[0].started);
    other[part] += 1'000'000;
    EXPECT_TRUE(visible_neighbours(std::vector{own_identity(), other}, Rank{0}).empty()) << part;
  }
  EXPECT_TRUE(visible_neighbours(std::vector<ProcessIdentity>(3), Rank{0}).empty()) << "no one knows";
}

TEST(Peers, ReportsOneThatStaysAway) {
  using namespace std::chrono_literals;
  const Child child;
  Topology topology;
  topology.host = "here";
  topology.neighbours = neighbours_beside(child);
  const std::string who = "rank 1 (process " + std::to_string(child.process()) + " on here)";
  Peers peers(topology, 300ms);
  EXPECT_EQ(peers.remarks(), "");

  child.send(SIGSTOP);
  std::this_thread::sleep_for(300ms);
  EXPECT_EQ(peers.lost(), std::nullopt);
  EXPECT_EQ(peers.remarks(), "; " + who + " is stopped");

  child.send(SIGKILL);
  EXPECT_EQ(peers.remarks(), "; " + who + " is gone");
  std::this_thread::sleep_for(300ms);
  EXPECT_EQ(peers.lost(), std::nullopt) << "seen for the first time";
  peers.start();
  std::this_thread::sleep_for(300ms);
  EXPECT_EQ(peers.lost(), std::nullopt) << "another wait";
  std::this_thread::sleep_for(300ms);
  EXPECT_EQ(peers.lost(), who + " gone");
}

TEST(Peers, WithoutNeighboursReportsNothing) {
  Peers peers;
  EXPECT_EQ(peers.lost(), std::nullopt);
  EXPECT_EQ(peers.remarks(), "");
}

}  // namespace
}  // namespace alignment::dist::detail
