#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace alignment::io {

/// What an id is called as (part of) a file's name: ASCII letters, digits, '-', '_', and '.' but at the beginning, as
/// they are; every other byte as '=' and two hexadecimal digits. A long one is cut, with '~' and a digest of the whole
/// behind it, so that it is at most 120 bytes. Ids that differ have names that differ; it is empty only for an empty
/// id.
[[nodiscard]] std::string file_name_of(std::string_view id);

/// Makes the folder of a result (--out), and those above it, where it is not there yet, and sees that files can be made
/// in it. Throws WriteError.
void make_result_folder(const std::filesystem::path& folder);

/// The same of a folder that has to be new, or empty: what is in it would mix with the result. Throws WriteError.
void make_new_result_folder(const std::filesystem::path& folder);

}  // namespace alignment::io
