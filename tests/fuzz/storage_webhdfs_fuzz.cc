#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "client/storage/path.h"
#include "client/storage/webhdfs_answers.h"

namespace {

using namespace rdev::storage;

void check(const rdev::Result<Page>& page) {
  for (const Item& item : page ? page->items : std::vector<Item>()) {
    if (!is_name(item.name)) {
      std::abort();
    }
  }
}

}  // namespace

// WebHDFS's JSON, and URLs of users.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check(parse_directory_listing(text));
  check(parse_file_statuses(text));
  (void)parse_file_status(text, "x");
  (void)parse_boolean(text);
  if (parse_remote_exception(text).message.size() > 700) {
    std::abort();
  }
  if (const auto place = parse_place(text)) {
    if (place->path.starts_with('/') || place->path.find("//") != std::string::npos) {
      std::abort();
    }
  }
  return 0;
}
