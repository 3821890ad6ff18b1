#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "protocol/base/result.h"

namespace rdev::scp {

// The control lines of the protocol that rcp and scp share; it has no other description than
// their sources.

// "C0644 1234 name": a file; its bytes follow.
struct FileRecord {
  mode_t mode = 0;
  std::uint64_t size = 0;  // fits off_t
  std::string name;
};

// "D0755 0 name": what follows goes into this directory, until its end.
struct DirectoryRecord {
  mode_t mode = 0;
  std::string name;
};

// "E": back to the directory above.
struct EndRecord {};

// "T1600000000 0 1600000000 0": of the file or directory that follows.
struct TimesRecord {
  std::int64_t modified_s = 0, accessed_s = 0;
  std::int64_t modified_us = 0, accessed_us = 0;
};

// "\1text" or "\2text": the peer failed, with one file or as a whole.
struct ErrorRecord {
  bool fatal = false;
  std::string text;
};

using Record = std::variant<FileRecord, DirectoryRecord, EndRecord, TimesRecord, ErrorRecord>;

inline constexpr std::size_t kMaxLine = std::size_t{16} * 1024;

// A line without its newline. Refuses names that would leave the directory they belong to: empty,
// ".", "..", or with a '/' or NUL. The error is a sentence for the peer.
Result<Record> parse_record(std::string_view line);

std::string encode(const FileRecord& record);
std::string encode(const DirectoryRecord& record);
std::string encode(const TimesRecord& record);

// A name as a line can hold it: one with a line end is escaped as vis(3) does it, like OpenSSH's.
std::string line_name(std::string_view name);

}  // namespace rdev::scp
