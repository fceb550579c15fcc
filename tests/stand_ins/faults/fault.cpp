#include "tests/stand_ins/faults/fault.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <utility>

namespace alignment::faults {
namespace {

int my_rank() {
  const char* rank = std::getenv("OMPI_COMM_WORLD_RANK");
  return rank == nullptr ? 0 : std::atoi(rank);
}

Fault read_fault() {
  const char* text = std::getenv("DEJAVID_FAULT");
  if (text == nullptr) return {};
  std::istringstream words(text);
  Fault fault;
  std::string rank, number;
  std::getline(words, fault.place, ':');
  std::getline(words, rank, ':');
  std::getline(words, number, ':');
  std::getline(words, fault.kind);
  if (fault.kind.empty()) {
    std::fprintf(stderr, "DEJAVID_FAULT: found \"%s\"; expected place:rank:number:kind\n", text);
    std::abort();
  }
  fault.rank = std::atoi(rank.c_str());
  fault.number = std::atoll(number.c_str());
  return fault.rank == my_rank() ? fault : Fault{};
}

Fault& current() {
  static Fault fault = read_fault();
  return fault;
}

std::atomic<bool> struck = false;

}  // namespace

const Fault& asked_for() {
  return current();
}

void ask_for(Fault fault) {
  current() = std::move(fault);
  struck = false;
}

bool has_struck() {
  return struck;
}

void note_strike() {
  struck = true;
}

void announce(std::string_view where) {
  const std::string line = "fault: " + std::string(where) + ": " + asked_for().kind + "\n";
  static_cast<void>(::syscall(SYS_write, STDERR_FILENO, line.data(), line.size()));
}

bool strike(std::string_view kind) {
  if (kind == "kill") std::raise(SIGKILL);
  if (kind == "exit") ::_exit(0);
  if (kind == "segv") {
    std::signal(SIGSEGV, SIG_DFL);
    std::raise(SIGSEGV);
  }
  while (kind == "hang") ::pause();
  if (kind == "stop") return std::raise(SIGSTOP) == 0;
  if (kind == "term") return std::raise(SIGTERM) == 0;
  if (kind == "usr2") return std::raise(SIGUSR2) == 0;
  return false;
}

}  // namespace alignment::faults
