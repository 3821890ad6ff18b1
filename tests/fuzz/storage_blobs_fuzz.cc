#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "client/storage/azure_answers.h"
#include "client/storage/path.h"

// Azure's XML: no item has a name that leads out of its folder.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rdev::storage;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const char* prefix : {"", "d/"}) {
    if (const auto page = parse_blobs(text, prefix)) {
      for (const Item& item : page->items) {
        if (!is_name(item.name)) {
          std::abort();
        }
      }
    }
  }
  (void)parse_blob_names(text);
  (void)parse_uncommitted(text);
  (void)parse_error_code(text);
  return 0;
}
