#pragma once

#include <filesystem>
#include <string>

#include "src/dejavid/model/model_content.hpp"

namespace alignment::dejavid {

/// Writes a model file durably (temporary name, sync, rename), replacing what was there. Digests of every array and of
/// all the rest are stored with it. The same content gives the same bytes. Throws io::WriteError; io::ModelFileError
/// for content that read_model() would refuse.
void write_model(const std::filesystem::path& file, const ModelContent& content);

/// The bytes of such a file, for where there can be none; `name` stands for it in messages. Throws as write_model().
[[nodiscard]] std::string model_bytes(const std::filesystem::path& name, const ModelContent& content);

/// Reads and checks a model file (shapes, finite numbers, digests where stored). A hand-made one needs /centroids,
/// /log_weights, /class_names and the attributes format and version; the rest then is: diagonal false, epoch -1,
/// accuracies 0, no slope, validated_on and config empty. Throws io::ModelFileError; io::NotFiniteError.
[[nodiscard]] ModelContent read_model(const std::filesystem::path& file);

}  // namespace alignment::dejavid
