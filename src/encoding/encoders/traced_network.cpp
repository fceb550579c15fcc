#include "src/encoding/encoders/traced_network.hpp"

#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/passes/inliner.h>

#include <array>
#include <optional>
#include <utility>

namespace alignment::encoding {
namespace {

using torch::jit::Node;

template <typename Visit>
void visit_nodes(torch::jit::Block* block, const Visit& visit) {
  for (Node* node : block->nodes()) {
    for (torch::jit::Block* inner : node->blocks()) visit_nodes(inner, visit);
    visit(node);
  }
}

/// All nodes of forward(): what modules of modules do lies in it from then on.
template <typename Visit>
void visit_network(torch::jit::Module& module, const Visit& visit) {
  const std::shared_ptr<torch::jit::Graph> graph = module.get_method("forward").graph();
  torch::jit::Inline(*graph);
  visit_nodes(graph->block(), visit);
}

/// The place of an argument among a node's inputs, by its schema.
std::optional<std::size_t> place_of(const Node* node, const char* argument) {
  const c10::FunctionSchema* schema = node->maybeSchema();
  if (schema == nullptr) return std::nullopt;
  const auto place = schema->argumentIndexWithName(argument);
  if (!place || *place >= static_cast<int>(node->inputs().size())) return std::nullopt;
  return static_cast<std::size_t>(*place);
}

void set_input(Node* node, std::size_t place, const c10::IValue& value) {
  const torch::jit::WithInsertPoint here(node);
  node->replaceInput(place, node->owningGraph()->insertConstant(value));
}

}  // namespace

std::size_t make_convolutions_plain(torch::jit::Module& module) {
  static constexpr std::array<std::pair<const char*, bool>, 3> kWanted{
      {{"benchmark", false}, {"deterministic", true}, {"allow_tf32", false}}};
  std::size_t convolutions = 0;
  visit_network(module, [&](Node* node) {
    if (node->kind() != c10::aten::_convolution) return;
    ++convolutions;
    for (const auto& [name, wanted] : kWanted) {
      if (const auto place = place_of(node, name)) set_input(node, *place, wanted);
    }
  });
  return convolutions;
}

std::size_t set_device_of_constants(torch::jit::Module& module, c10::Device device) {
  std::size_t places = 0;
  visit_network(module, [&](Node* node) {
    for (std::size_t place = 0; place < node->inputs().size(); ++place) {
      const std::optional<c10::IValue> constant = torch::jit::toIValue(node->input(place));
      if (!constant || !constant->isDevice() || constant->toDevice() == device) continue;
      set_input(node, place, device);
      ++places;
    }
  });
  return places;
}

std::size_t set_type_of_constants(torch::jit::Module& module, c10::ScalarType type) {
  std::size_t places = 0;
  visit_network(module, [&](Node* node) {
    if (const auto place = place_of(node, "dtype")) {
      const std::optional<c10::IValue> constant = torch::jit::toIValue(node->input(*place));
      if (constant && constant->isInt() && constant->toInt() == static_cast<std::int64_t>(c10::kFloat)) {
        set_input(node, *place, static_cast<std::int64_t>(type));
        ++places;
      }
    }
    for (std::size_t place = 0; place < node->inputs().size(); ++place) {
      const std::optional<c10::IValue> constant = torch::jit::toIValue(node->input(place));
      // One number alone takes the type of what it meets.
      if (!constant || !constant->isTensor() || constant->toTensor().dim() == 0) continue;
      if (constant->toTensor().scalar_type() != c10::kFloat) continue;
      set_input(node, place, constant->toTensor().to(type));
      ++places;
    }
  });
  return places;
}

}  // namespace alignment::encoding
