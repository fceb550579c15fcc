// LibTorch's headers carry an fmt of their own: so no fmt here, and nothing that includes it.
#include <ATen/ATen.h>
#include <torch/csrc/jit/serialization/pickle.h>

#include "io/errors.hpp"
#include "io/formats/python/torch_tensors.hpp"
#include "tests/fuzz/target.hpp"

namespace alignment::fuzz {

const char* const kFormat = "pt";

namespace {

std::string saved(const at::IValue& value) {
  const auto bytes = torch::jit::pickle_save(value);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

std::vector<std::string> seeds() {
  const auto numbers = at::arange(12, at::kFloat).reshape({4, 3});
  c10::impl::GenericDict by_id(at::StringType::get(), at::TensorType::get());
  by_id.insert("a", numbers.to(at::kHalf));
  by_id.insert("b", numbers.t());
  c10::impl::GenericDict by_number(at::IntType::get(), at::TensorType::get());
  by_number.insert(7, numbers.to(at::kBFloat16));
  return {saved(numbers), saved(numbers.to(at::kDouble).slice(0, 1, 3)), saved(by_id), saved(by_number)};
}

bool reads(std::string_view input, const std::filesystem::path& folder) {
  const auto file = folder / "input.pt";
  write_input(file, input);
  return returns<io::StoreError, io::NotFiniteError>(file, [&] {
    const io::TensorFile tensors(file);
    for (const char* id : {"", "a", "b", "7"}) {
      if (tensors.holds_one() || tensors.contains(id)) static_cast<void>(tensors.read(id));
    }
  });
}

}  // namespace alignment::fuzz
