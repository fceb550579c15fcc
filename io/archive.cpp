#include "io/archive.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <map>
#include <new>
#include <system_error>
#include <utility>

#include "io/bytes/digest.hpp"
#include "io/bytes/utf8.hpp"
#include "io/durable_file.hpp"
#include "io/errors.hpp"
#include "io/hdf5/crash_guard.hpp"
#include "io/hdf5/input.hpp"
#include "io/hdf5/output.hpp"

namespace alignment::io {
namespace {

using hdf5::Refusal;

constexpr const char* kDigest = "digest";

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

/// HDF5 does not outlive a want of memory: it crashes, or waits for itself. So what it may take is asked for before,
/// and std::bad_alloc comes from here.
void require_memory() {
  constexpr std::size_t kMostOfHdf5 = std::size_t{32} << 20U;
  ::operator delete(::operator new(kMostOfHdf5));
}

/// An archive that is being written, part by part: a reader of another file waits no longer than for one.
class Writing {
 public:
  explicit Writing(const std::filesystem::path& file) : file_(file) {
    require_memory();
    const hdf5::LibraryLock lock(file_);
    root_ = hdf5::create_file(file_);
  }
  void add(const ArchiveEntry& entry) {
    const hdf5::LibraryLock lock(file_);
    const hdf5::Handle& group = group_of(entry.group);
    std::visit(Overloaded{[&](const ArchiveEntry::Attribute& attribute) {
                            std::visit([&](const auto& value) { hdf5::write_attribute(group, entry.name, value); },
                                       attribute);
                          },
                          [&](const ArchiveEntry::Array& array) {
                            hdf5::write_dataset(group, entry.name, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, array.shape,
                                                array.values.data());
                            hdf5::write_attribute_of(group, entry.name, kDigest, digest_of(array.values));
                          },
                          [&](const ArchiveEntry::Texts& texts) {
                            hdf5::write_texts(group, entry.name, {texts.begin(), texts.end()});
                          }},
               entry.value);
  }
  void finish() {
    const hdf5::LibraryLock lock(file_);
    groups_.clear();
    hdf5::flush(root_);
    hdf5::close(root_);
  }

 private:
  const hdf5::Handle& group_of(const char* name) {
    if (*name == '\0') return root_;
    const auto found = groups_.find(name);
    if (found != groups_.end()) return found->second;
    return groups_.emplace(name, hdf5::create_group(root_, name)).first->second;
  }

  const std::filesystem::path& file_;
  hdf5::Handle root_;
  std::map<std::string, hdf5::Handle> groups_;
};

void write_entries(const std::filesystem::path& file, std::span<const ArchiveEntry> entries) {
  Writing archive(file);
  for (const ArchiveEntry& entry : entries) archive.add(entry);
  archive.finish();
}

/// A file in $TMPDIR, removed in the end.
class ScratchFile {
 public:
  ScratchFile() {
    std::string name = (std::filesystem::temp_directory_path() / "dejavid-XXXXXX").string();
    const int descriptor = ::mkstemp(name.data());
    if (descriptor < 0) {
      throw WriteError(fmt::format("{}: found {}; expected to make a file there; set TMPDIR to a folder with space",
                                   name, std::generic_category().message(errno)));
    }
    ::close(descriptor);
    name_ = name;
  }
  ~ScratchFile() { ::unlink(name_.c_str()); }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  [[nodiscard]] const std::filesystem::path& name() const { return name_; }
  [[nodiscard]] std::string read() const {
    std::ifstream stream(name_, std::ios::binary);
    std::string bytes(std::filesystem::file_size(name_), '\0');
    stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!stream) throw WriteError(fmt::format("{}: found it cut short; expected to read it back", name_.string()));
    return bytes;
  }

 private:
  std::filesystem::path name_;
};

void require_format(const ArchiveContent& content, const ArchiveFormat& format) {
  const auto name = content.text("", "format");
  if (!name || *name != format.name) {
    ArchiveContent::refuse(fmt::format(":attribute format: found {}; expected \"{}\"; name {}",
                                       name ? fmt::format("\"{}\"", printable(*name)) : "none", format.name,
                                       format.expected));
  }
  const auto version = content.integer("", "version");
  if (!version || *version != format.version) {
    ArchiveContent::refuse(fmt::format(":attribute version: found {}; expected {}; use a model of this version",
                                       version ? std::to_string(*version) : "none", format.version));
  }
}

}  // namespace

void write_archive(const std::filesystem::path& file, std::span<const ArchiveEntry> entries) {
  DurableFile durable(file, DurableFile::Existing::kReplace);
  try {
    write_entries(durable.temporary(), entries);
  } catch (const Refusal& refusal) {
    throw WriteError(file.string() + refusal.what());
  }
  durable.commit();
}

std::string archive_bytes(std::span<const ArchiveEntry> entries) {
  const ScratchFile scratch;  // HDF5 writes to and fro
  try {
    write_entries(scratch.name(), entries);
  } catch (const Refusal& refusal) {
    throw WriteError(scratch.name().string() + refusal.what());
  }
  return scratch.read();
}

struct ArchiveContent::State {
  hdf5::Handle file, root;
  std::map<std::string, hdf5::Handle> groups;

  const hdf5::Handle& group(const char* name) {
    if (*name == '\0') return root;
    const auto found = groups.find(name);
    if (found != groups.end()) return found->second;
    return groups.emplace(name, hdf5::open_group(root, name)).first->second;
  }
};

bool ArchiveContent::has(const char* group, const char* name) const {
  return hdf5::has_member(state_.group(group), name);
}
std::optional<std::int64_t> ArchiveContent::integer(const char* group, const char* name) const {
  return hdf5::integer_attribute(state_.group(group), name);
}
std::optional<std::uint64_t> ArchiveContent::unsigned_integer(const char* group, const char* name) const {
  return hdf5::unsigned_attribute(state_.group(group), name);
}
std::optional<double> ArchiveContent::real(const char* group, const char* name) const {
  return hdf5::real_attribute(state_.group(group), name);
}
std::optional<std::string> ArchiveContent::text(const char* group, const char* name) const {
  return hdf5::text_attribute(state_.group(group), name);
}
std::vector<std::string> ArchiveContent::texts(const char* group, const char* name) const {
  return hdf5::read_texts(hdf5::open_dataset(state_.group(group), name));
}

ArchiveContent::Array ArchiveContent::array(const char* group, const char* name, std::size_t rank,
                                            std::string_view expected) const {
  const auto dataset = hdf5::open_dataset(state_.group(group), name);
  hdf5::require_rank(dataset, rank, expected);
  Array array{dataset.shape, hdf5::read_floats(dataset)};
  hdf5::require_digest(dataset.id, kDigest, dataset.where(), digest_of(array.values));
  return array;
}

void ArchiveContent::require_digest(const char* attribute, std::uint64_t found) const {
  hdf5::require_digest(state_.root, attribute, fmt::format(":attribute {}", attribute), found);
}

void ArchiveContent::refuse(const std::string& line) {
  throw Refusal(line);
}

std::string shape_text(std::span<const std::int64_t> shape) {
  return hdf5::describe_shape({shape.begin(), shape.end()});
}

void read_archive(const std::filesystem::path& file, const ArchiveFormat& format,
                  const std::function<void(const ArchiveContent&)>& read) {
  try {
    const hdf5::LibraryLock lock(file);
    const CrashGuard guard(file, GuardedFile::kModelFile);
    ArchiveContent::State state;
    state.file = hdf5::open_for_reading(file, format.kind);
    state.root = hdf5::owned(H5Gopen2(state.file.get(), "/", H5P_DEFAULT), H5Gclose, "", "opening its root");
    const ArchiveContent content(state);
    require_format(content, format);
    read(content);
  } catch (const Refusal& refusal) {
    throw ModelFileError(file.string() + refusal.what());
  }
}

}  // namespace alignment::io
