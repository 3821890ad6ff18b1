#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "client/cluster/docker/tar.h"

// What is found lies within the archive.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view archive(reinterpret_cast<const char*>(data), size);
  const auto entry = rdev::cluster::docker::first_entry(archive);
  if (entry && *entry) {
    for (const std::string_view view : {(*entry)->name, (*entry)->link, (*entry)->bytes}) {
      if (!view.empty() && (view.data() < archive.data() ||
                            view.data() + view.size() > archive.data() + archive.size())) {
        std::abort();
      }
    }
  }
  return 0;
}
