#include "agent/process/environment.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace rdev::process {
namespace {

bool names(std::string_view entry, std::string_view name) {
  return entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=';
}

}  // namespace

Environment Environment::current() {
  std::vector<std::string> entries;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    entries.emplace_back(*entry);
  }
  return Environment(std::move(entries));
}

std::optional<std::string> Environment::get(std::string_view name) const {
  for (const std::string& entry : entries_) {
    if (names(entry, name)) {
      return entry.substr(name.size() + 1);
    }
  }
  return std::nullopt;
}

void Environment::set(std::string_view name, std::string_view value) {
  if (name.empty() || name.find('=') != std::string_view::npos ||
      name.find('\0') != std::string_view::npos || value.find('\0') != std::string_view::npos) {
    return;
  }
  std::string entry = std::string(name) + '=' + std::string(value);
  const auto old = std::find_if(entries_.begin(), entries_.end(),
                                [&](const std::string& e) { return names(e, name); });
  if (old != entries_.end()) {
    *old = std::move(entry);
  } else {
    entries_.push_back(std::move(entry));
  }
}

void Environment::unset(std::string_view name) {
  std::erase_if(entries_, [&](const std::string& entry) { return names(entry, name); });
}

std::vector<std::string> candidates(std::string_view program, std::string_view path) {
  if (program.find('/') != std::string_view::npos) {
    return {std::string(program)};
  }
  std::vector<std::string> found;
  while (!program.empty()) {
    const std::size_t colon = path.find(':');
    const std::string_view directory = path.substr(0, colon);
    found.push_back(std::string(directory.empty() ? "." : directory) + '/' + std::string(program));
    if (colon == std::string_view::npos) {
      break;
    }
    path.remove_prefix(colon + 1);
  }
  return found;
}

bool has_program(std::string_view program, std::string_view path) {
  const auto places = candidates(program, path);
  return std::any_of(places.begin(), places.end(), [](const std::string& place) {
    struct stat status{};
    return ::stat(place.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
           (status.st_mode & 0111U) != 0;
  });
}

}  // namespace rdev::process
