#include <cstring>

#include "dist/backend_support.hpp"
#include "dist/communicator.hpp"

namespace alignment::dist {
namespace {

class SelfCommunicator final : public Communicator {
 public:
  SelfCommunicator() { topology_.host = host_name(); }

  [[nodiscard]] const Topology& topology() const override { return topology_; }
  [[nodiscard]] const char* backend_name() const override { return "self"; }
  void barrier() override {}

 private:
  void do_all_reduce(void*, std::size_t, ElementType, Reduction) override {}

  void do_broadcast(void*, std::size_t, ElementType, Rank root) override { detail::require_rank(root, topology_); }

  std::vector<std::int64_t> gather_counts(std::int64_t count) override { return {count}; }

  void do_gather(const void* values, std::size_t count, void* gathered, const std::vector<std::int64_t>&,
                 ElementType type) override {
    if (count > 0) std::memcpy(gathered, values, count * detail::element_size(type));
  }

  Topology topology_;
};

}  // namespace

std::unique_ptr<Communicator> make_self_communicator() {
  return std::make_unique<SelfCommunicator>();
}

}  // namespace alignment::dist
