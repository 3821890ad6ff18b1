#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "agent/scp/invocation.h"
#include "agent/scp/records.h"

namespace {

namespace scp = rdev::scp;

void check(bool holds) {
  if (!holds) {
    std::abort();
  }
}

void check_name(const std::string& name) {
  check(!name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
        name.find('\0') == std::string::npos);
}

// Names stay where they belong, and what was understood is understood again as the same.
template <class Entry>
void check_entry(const Entry& entry) {
  check_name(entry.name);
  const std::string line = scp::encode(entry);
  check(line.ends_with('\n') && line.find('\n') == line.size() - 1);
  const auto again = scp::parse_record(std::string_view(line).substr(0, line.size() - 1));
  const auto* same = again ? std::get_if<Entry>(&*again) : nullptr;
  check(same != nullptr && same->mode == entry.mode && same->name == scp::line_name(entry.name));
}

void check_record(std::string_view line) {
  const auto record = scp::parse_record(line);
  if (!record) {
    check(!record.error().message.empty());
    return;
  }
  if (const auto* file = std::get_if<scp::FileRecord>(&*record)) {
    check(file->size <= std::uint64_t{INT64_MAX});
    check_entry(*file);
  } else if (const auto* directory = std::get_if<scp::DirectoryRecord>(&*record)) {
    check_entry(*directory);
  } else if (const auto* times = std::get_if<scp::TimesRecord>(&*record)) {
    const std::string again = scp::encode(*times);
    check(scp::parse_record(std::string_view(again).substr(0, again.size() - 1)).has_value());
  }
}

}  // namespace

// The first line is a client's command, the others are what it sends.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto asked = scp::parse_invocation(text.substr(0, text.find('\n')))) {
    check(!asked->paths.empty());
  }
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    check_record(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return 0;
}
