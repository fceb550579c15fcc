#include "io/formats/python/tensor_files.hpp"

#include <fmt/format.h>

#include <utility>

#include "io/bytes/text.hpp"
#include "io/errors.hpp"

namespace alignment::io {

const TensorFile& TensorFiles::open(const std::filesystem::path& file, const std::string& id) {
  const std::string name = file.string();
  auto known = of_several_.find(name);
  if (known == of_several_.end()) {
    one_.emplace(file);
    if (one_->holds_one()) return *one_;
    known = of_several_.emplace(name, *std::exchange(one_, std::nullopt)).first;
  }
  if (!known->second.contains(id)) {
    throw StoreError(
        fmt::format("{}: found a dict of {} tensors without the id '{}'; expected it there; correct the sample's id "
                    "or file name",
                    name, known->second.count(), excerpt(id)));
  }
  return known->second;
}

}  // namespace alignment::io
