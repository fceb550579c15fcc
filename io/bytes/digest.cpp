#include "io/bytes/digest.hpp"

#include <xxhash.h>

namespace alignment::io {

Digest::Digest() : state_(XXH64_createState(), [](XXH64_state_s* state) { XXH64_freeState(state); }) {
  XXH64_reset(state_.get(), 0);
}

void Digest::add(const void* bytes, std::size_t count) {
  XXH64_update(state_.get(), bytes, count);
}

void Digest::add(const std::string& text) {
  add(static_cast<std::uint64_t>(text.size()));
  add(text.data(), text.size());
}

std::uint64_t Digest::value() const {
  return XXH64_digest(state_.get());
}

}  // namespace alignment::io
