#include "src/encoding/encoders/plain_convolutions.hpp"

#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/passes/inliner.h>

#include <array>
#include <utility>

namespace alignment::encoding {
namespace {

std::size_t make_plain(torch::jit::Block* block) {
  // By aten::_convolution's schema.
  static constexpr std::array<std::pair<const char*, bool>, 3> kWanted{
      {{"benchmark", false}, {"deterministic", true}, {"allow_tf32", false}}};
  std::size_t convolutions = 0;
  for (torch::jit::Node* node : block->nodes()) {
    for (torch::jit::Block* inner : node->blocks()) convolutions += make_plain(inner);
    if (node->kind() != c10::aten::_convolution) continue;
    ++convolutions;
    const torch::jit::WithInsertPoint here(node);
    for (const auto& [name, wanted] : kWanted) {
      const auto place = node->schema().argumentIndexWithName(name);
      if (!place || *place >= static_cast<int>(node->inputs().size())) continue;
      node->replaceInput(static_cast<std::size_t>(*place), node->owningGraph()->insertConstant(wanted));
    }
  }
  return convolutions;
}

}  // namespace

std::size_t make_convolutions_plain(torch::jit::Module& module) {
  const std::shared_ptr<torch::jit::Graph> graph = module.get_method("forward").graph();
  torch::jit::Inline(*graph);  // convolutions lie in modules of modules
  return make_plain(graph->block());
}

}  // namespace alignment::encoding
