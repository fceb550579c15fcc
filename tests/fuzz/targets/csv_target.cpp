#include "io/errors.hpp"
#include "io/formats/listed.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/io/formats/read_all.hpp"

namespace alignment::fuzz {

const char* const kFormat = "csv";

namespace {

/// The file that the seeds name.
std::string two_by_two() {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }";
  header.append(117 - header.size(), ' ').append(1, '\n');
  return std::string("\x93NUMPY\x01\0\x76\0", 10) + header + std::string(16, '\0');
}

}  // namespace

std::vector<std::string> seeds() {
  return {
      "id,file,label,split\na,a.npy,x,train\nb,a.npy,y,val\nc,a.npy,x,test\n",
      "\xEF\xBB\xBFsplit,label,file,id\r\ntrain,10,a.npy,\"a, \"\"b\"\"\"\r\nvalidation,9,\"a.npy\",c\r\n",
      "id,file,label,split\n\n\"two\nlines\",a.npy,\"x\",train",
  };
}

bool reads(std::string_view input, const std::filesystem::path& folder) {
  const auto manifest = folder / "input.csv", array = folder / "a.npy";
  if (!std::filesystem::exists(array)) write_input(array, two_by_two());
  write_input(manifest, input);
  return returns<io::StoreError, io::NotFiniteError>(
      manifest, [&] { static_cast<void>(io::read_all(*io::open_listed(manifest))); });
}

}  // namespace alignment::fuzz
