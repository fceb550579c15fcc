#include "io/tensorboard/event_records.hpp"

#include <array>
#include <bit>

namespace alignment::io {
namespace {

template <typename Number>
void append_little_endian(std::string& bytes, Number number) {
  for (std::size_t byte = 0; byte < sizeof(Number); ++byte) {
    bytes += static_cast<char>(static_cast<unsigned char>(number >> (8 * byte)));
  }
}

/// CRC-32C (Castagnoli) of every byte alone.
constexpr std::array<std::uint32_t, 256> checksums_of_bytes() {
  constexpr std::uint32_t kReversedPolynomial = 0x82F63B78;
  std::array<std::uint32_t, 256> checksums{};
  for (std::uint32_t byte = 0; byte < checksums.size(); ++byte) {
    std::uint32_t checksum = byte;
    for (int bit = 0; bit < 8; ++bit) checksum = (checksum >> 1U) ^ ((checksum & 1U) != 0 ? kReversedPolynomial : 0);
    checksums[byte] = checksum;
  }
  return checksums;
}

/// TFRecords mask their checksums, so that a checksum of bytes that hold checksums stays a good one.
std::uint32_t masked_checksum(std::string_view bytes) {
  static constexpr std::array<std::uint32_t, 256> kChecksums = checksums_of_bytes();
  std::uint32_t checksum = ~std::uint32_t{0};
  for (const char byte : bytes) {
    checksum = kChecksums[(checksum ^ static_cast<unsigned char>(byte)) & 0xFFU] ^ (checksum >> 8U);
  }
  constexpr std::uint32_t kMask = 0xA282EAD8;
  return std::rotr(~checksum, 15) + kMask;
}

std::string framed(std::string_view message) {
  std::string record;
  append_little_endian(record, static_cast<std::uint64_t>(message.size()));
  append_little_endian(record, masked_checksum(record));
  record += message;
  append_little_endian(record, masked_checksum(message));
  return record;
}

/// A message of protocol buffers, field by field.
class Message {
 public:
  Message& integer(unsigned field, std::uint64_t value) {
    variable_length(field << 3U);
    variable_length(value);
    return *this;
  }
  Message& real(unsigned field, double value) {
    variable_length(field << 3U | 1U);
    append_little_endian(bytes_, std::bit_cast<std::uint64_t>(value));
    return *this;
  }
  Message& real(unsigned field, float value) {
    variable_length(field << 3U | 5U);
    append_little_endian(bytes_, std::bit_cast<std::uint32_t>(value));
    return *this;
  }
  Message& bytes(unsigned field, std::string_view value) {
    variable_length(field << 3U | 2U);
    variable_length(value.size());
    bytes_ += value;
    return *this;
  }
  Message& message(unsigned field, const Message& value) { return bytes(field, value.bytes_); }

  [[nodiscard]] const std::string& text() const { return bytes_; }

 private:
  void variable_length(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U) bytes_ += static_cast<char>(static_cast<unsigned char>(value | 0x80U));
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

// Numbers of the fields as tensorboard's event.proto, summary.proto and tensor.proto have them.
constexpr unsigned kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5;     // Event
constexpr unsigned kValue = 1;                                                   // Summary
constexpr unsigned kTag = 1, kSimpleValue = 2, kTensor = 8, kMetadata = 9;       // Summary.Value
constexpr unsigned kPluginData = 1, kPluginName = 1;                             // SummaryMetadata
constexpr unsigned kType = 1, kShape = 2, kStringValue = 8, kTypeOfStrings = 7;  // TensorProto

Message event(double time, std::int64_t step) {
  return Message().real(kWallTime, time).integer(kStep, static_cast<std::uint64_t>(step));
}

}  // namespace

std::string version_record(double time) {
  return framed(Message().real(kWallTime, time).bytes(kFileVersion, "brain.Event:2").text());
}

std::string scalars_record(double time, std::int64_t step, std::span<const EventScalar> scalars) {
  Message summary;
  for (const EventScalar& scalar : scalars) {
    summary.message(kValue, Message().bytes(kTag, scalar.tag).real(kSimpleValue, scalar.value));
  }
  return framed(event(time, step).message(kSummary, summary).text());
}

std::string text_record(double time, std::int64_t step, std::string_view tag, std::string_view text) {
  const Message metadata = Message().message(kPluginData, Message().bytes(kPluginName, "text"));
  const Message tensor = Message().integer(kType, kTypeOfStrings).message(kShape, {}).bytes(kStringValue, text);
  const Message value = Message().bytes(kTag, tag).message(kTensor, tensor).message(kMetadata, metadata);
  return framed(event(time, step).message(kSummary, Message().message(kValue, value)).text());
}

}  // namespace alignment::io
