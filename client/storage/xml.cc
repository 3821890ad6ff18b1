#include "client/storage/xml.h"

#include <boost/iostreams/device/array.hpp>
#include <boost/iostreams/stream.hpp>
#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>

namespace rdev::storage {
namespace {

namespace pt = boost::property_tree;
constexpr int kMaxDepth = 16;

bool is_name_char(char c) {
  return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') || c == '_' ||
         c == '-' || c == '.' || c == ':';
}

std::size_t skip(std::string_view text, std::size_t at, bool (*is_skipped)(char)) {
  while (at < text.size() && is_skipped(text[at])) {
    ++at;
  }
  return at;
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// NAME, then NAME="…" any number of times, without '<' and '>': what a tag has between them. A
// reader that is less strict cannot see other tags than we do.
bool is_plain_tag(std::string_view tag) {
  std::size_t at = skip(tag, 0, is_name_char);
  while (at > 0 && at < tag.size()) {
    const std::size_t name = skip(tag, at, is_space);
    const std::size_t equals = skip(tag, name, is_name_char);
    if (name == tag.size()) {
      return true;
    }
    const std::size_t end =
        tag.substr(equals).starts_with("=\"") ? tag.find('"', equals + 2) : std::string_view::npos;
    if (name == at || equals == name || end == std::string_view::npos) {
      return false;
    }
    at = end + 1;
  }
  return at > 0;
}

// What this tag, without its '<' and '>', does to the depth; 2: it is not taken.
int depth_of(std::string_view tag) {
  if (tag.starts_with('?') && tag.ends_with('?') && tag.size() > 2) {
    return is_plain_tag(tag.substr(1, tag.size() - 2)) ? 0 : 2;
  }
  if (tag.starts_with('/')) {
    return tag.find('"') == std::string_view::npos && is_plain_tag(tag.substr(1)) ? -1 : 2;
  }
  const bool is_empty = tag.ends_with('/');
  tag.remove_suffix(is_empty ? 1 : 0);
  return !is_plain_tag(tag) ? 2 : is_empty ? 0 : 1;
}

bool is_flat(std::string_view text) {
  int depth = 0;
  for (std::size_t at = text.find_first_of("<>"); at != std::string_view::npos;
       at = text.find_first_of("<>", at)) {
    const std::size_t end = text.find_first_of("<>", at + 1);
    if (text[at] == '>' || end == std::string_view::npos || text[end] == '<') {
      return false;
    }
    const int change = depth_of(text.substr(at + 1, end - at - 1));
    depth += change;
    if (change == 2 || depth > kMaxDepth || depth < 0) {
      return false;
    }
    at = end + 1;
  }
  return true;
}

}  // namespace

Result<pt::ptree> parse_xml(std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes) {
    return fail(Code::kLimit, "the storage's answer is too long");
  }
  if (!is_flat(text)) {
    return fail(Code::kProtocol, "the storage's answer is not XML as its service writes it");
  }
  pt::ptree tree;
  boost::iostreams::stream<boost::iostreams::array_source> in(text.data(), text.size());
  try {
    pt::read_xml(in, tree);
  } catch (const std::exception&) {
    return fail(Code::kProtocol, "the storage's answer is not XML");
  }
  return tree;
}

}  // namespace rdev::storage
