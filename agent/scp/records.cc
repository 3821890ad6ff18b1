#include "agent/scp/records.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <limits>
#include <optional>
#include <utility>

namespace rdev::scp {
namespace {

tl::unexpected<Error> nonsense(std::string_view why) {
  return fail(Code::kProtocol, "protocol error: " + std::string(why));
}

// Takes a decimal number off the front.
std::optional<std::int64_t> take_number(std::string_view& text) {
  std::int64_t value = 0;
  // from_chars would take a sign.
  if (text.empty() || text.front() < '0' || text.front() > '9') {
    return std::nullopt;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) {
    return std::nullopt;
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

bool take(std::string_view& text, char wanted) {
  if (!text.starts_with(wanted)) {
    return false;
  }
  text.remove_prefix(1);
  return true;
}

Result<Record> parse_times(std::string_view text) {
  std::array<std::int64_t, 4> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto number = take_number(text);
    if (!number || (i % 2 == 1 && *number > 999999)) {
      return nonsense("a time is missing or not a number");
    }
    if (i + 1 < numbers.size() && !take(text, ' ')) {
      return nonsense("a time is not delimited");
    }
    numbers[i] = *number;
  }
  if (!text.empty()) {
    return nonsense("something follows the times");
  }
  return TimesRecord{.modified_s = numbers[0],
                     .accessed_s = numbers[2],
                     .modified_us = numbers[1],
                     .accessed_us = numbers[3]};
}

bool stays_here(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

// "0644 1234 name"
Result<FileRecord> parse_entry(std::string_view text) {
  FileRecord record;
  for (int digit = 0; digit < 4; ++digit) {
    if (text.empty() || text.front() < '0' || text.front() > '7') {
      return nonsense("bad mode");
    }
    record.mode = record.mode << 3 | static_cast<mode_t>(text.front() - '0');
    text.remove_prefix(1);
  }
  if (!take(text, ' ')) {
    return nonsense("the mode is not delimited");
  }
  const auto size = take_number(text);
  if (!size) {
    return nonsense("the size is missing or out of range");
  }
  if (!take(text, ' ')) {
    return nonsense("the size is not delimited");
  }
  if (!stays_here(text)) {
    return fail(Code::kProtocol, "error: unexpected filename: " + std::string(text));
  }
  record.size = static_cast<std::uint64_t>(*size);
  record.name = text;
  return record;
}

std::string header(char letter, mode_t mode, std::uint64_t size) {
  std::array<char, 40> text{};
  const int length = std::snprintf(text.data(), text.size(), "%c%04o %llu ", letter, mode & 07777U,
                                   static_cast<unsigned long long>(size));
  return {text.data(), static_cast<std::size_t>(length)};
}

}  // namespace

Result<Record> parse_record(std::string_view line) {
  if (line.empty()) {
    return nonsense("an empty line");
  }
  const char letter = line.front();
  const std::string_view rest = line.substr(1);
  switch (letter) {
    case '\1':
    case '\2':
      return ErrorRecord{.fatal = letter == '\2', .text = std::string(rest)};
    case 'E':
      return EndRecord{};
    case 'T':
      return parse_times(rest);
    case 'C':
    case 'D':
      break;
    default:
      return nonsense("expected a control record");
  }
  auto entry = parse_entry(rest);
  if (!entry) {
    return tl::make_unexpected(entry.error());
  }
  if (letter == 'C') {
    return *std::move(entry);
  }
  return DirectoryRecord{.mode = entry->mode, .name = std::move(entry->name)};
}

std::string encode(const FileRecord& record) {
  return header('C', record.mode, record.size) + line_name(record.name) + '\n';
}

std::string encode(const DirectoryRecord& record) {
  return header('D', record.mode, 0) + line_name(record.name) + '\n';
}

std::string encode(const TimesRecord& record) {
  return 'T' + std::to_string(record.modified_s) + ' ' + std::to_string(record.modified_us) + ' ' +
         std::to_string(record.accessed_s) + ' ' + std::to_string(record.accessed_us) + '\n';
}

std::string line_name(std::string_view name) {
  if (name.find('\n') == std::string_view::npos) {
    return std::string(name);
  }
  std::string line;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const unsigned char low = byte & 0x7fU;
    const bool control = low < ' ' || low == 0x7f;
    if (c == '\\') {
      line += "\\\\";
    } else if (c == '\t' || (byte == low && !control)) {
      line += c;
    } else if (byte == 0xa0) {
      line += "\\240";
    } else {
      line += byte == low ? "\\" : "\\M";
      line += control ? '^' : '-';
      line += control ? static_cast<char>(low ^ 0x40U) : static_cast<char>(low);
    }
  }
  return line;
}

}  // namespace rdev::scp
