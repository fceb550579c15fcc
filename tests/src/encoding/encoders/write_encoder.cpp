// write_encoder FOLDER: writes an exported encoder, tiny.pt, for tests of dejavid_encode.
#include <cstdio>
#include <exception>

#include "tests/src/encoding/encoders/exported_files.hpp"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    alignment::encoding::ExportedFiles().write(argv[1]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
