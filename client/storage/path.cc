#include "client/storage/path.h"

#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

namespace rdev::storage {
namespace {

constexpr auto npos = std::string_view::npos;

// Without empty parts and ".".
Result<std::string> plain_path(std::string_view text, std::string_view url) {
  std::string path;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find('/'));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    if (part == "..") {
      return fail(Code::kUsage,
                  "'" + std::string(url) + "' has '..' in it: write the path without");
    }
    if (!part.empty() && part != ".") {
      path = join(path, part);
    }
  }
  return path;
}

}  // namespace

bool is_url(std::string_view text) { return text.starts_with(kScheme); }

Result<Place> parse_place(std::string_view url) {
  const auto wrong = fail(Code::kUsage, "'" + std::string(url) +
                                            "' is no place in a storage: write "
                                            "pai://CLUSTER/STORAGE/PATH");
  if (!is_url(url) || url.find('\0') != npos) {
    return wrong;
  }
  const std::string_view rest = url.substr(kScheme.size());
  const std::size_t slash = rest.find('/');
  if (slash == 0 || slash == npos) {
    return wrong;
  }
  const std::string_view behind = rest.substr(slash + 1);
  const std::size_t end = std::min(behind.find('/'), behind.size());
  Place place{.cluster = std::string(rest.substr(0, slash)),
              .storage = std::string(behind.substr(0, end)),
              .path = {},
              .is_folder = behind.ends_with('/')};
  auto path = plain_path(behind.substr(end), url);
  if (!path) {
    return tl::make_unexpected(path.error());
  }
  if (!is_name(place.storage)) {
    return wrong;
  }
  place.path = std::move(*path);
  return place;
}

bool is_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == npos &&
         name.find('\0') == npos;
}

std::string join(std::string_view folder, std::string_view name) {
  std::string path(folder);
  if (!folder.empty() && !name.empty()) {
    path += '/';
  }
  return path.append(name);
}

std::string parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return std::string(path.substr(0, slash == npos ? 0 : slash));
}

std::string name_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return std::string(slash == npos ? path : path.substr(slash + 1));
}

std::string encode_path(std::string_view path) {
  return boost::urls::encode(boost::core::string_view(path.data(), path.size()),
                             boost::urls::unreserved_chars + '/');
}

std::string encode(std::string_view text) {
  return boost::urls::encode(boost::core::string_view(text.data(), text.size()),
                             boost::urls::unreserved_chars);
}

}  // namespace rdev::storage
