#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "agent/process/words.h"

// Words hold no more than the text did, and survive being quoted and split again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto words = rdev::process::split_words({reinterpret_cast<const char*>(data), size});
  if (!words) {
    return 0;
  }
  std::size_t bytes = 0;
  std::string quoted;
  for (const std::string& word : *words) {
    bytes += word.size();
    quoted += " '";
    for (const char c : word) {
      quoted += c == '\'' ? std::string(R"('\'')") : std::string(1, c);
    }
    quoted += '\'';
  }
  const auto again = rdev::process::split_words(quoted);
  if (bytes > size || !again || *again != *words) {
    std::abort();
  }
  return 0;
}
