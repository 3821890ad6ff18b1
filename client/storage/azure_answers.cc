#include "client/storage/azure_answers.h"

#include <boost/property_tree/ptree.hpp>
#include <charconv>
#include <optional>

#include "client/storage/azure_sign.h"
#include "client/storage/path.h"
#include "client/storage/xml.h"

namespace rdev::storage {
namespace {

using boost::property_tree::ptree;

std::string text_in(const ptree& tree, const char* path) { return tree.get<std::string>(path, ""); }

std::uint64_t number_in(const ptree& tree, const char* path) {
  const std::string text = text_in(tree, path);
  std::uint64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && rest == text.data() + text.size() ? number : 0;
}

std::optional<int> hex_digit(char c) {
  return '0' <= c && c <= '9'   ? std::optional(c - '0')
         : 'a' <= c && c <= 'f' ? std::optional(c - 'a' + 10)
         : 'A' <= c && c <= 'F' ? std::optional(c - 'A' + 10)
                                : std::nullopt;
}

// <Name Encoded="true"> is percent-encoded: it has what XML cannot have.
std::string name_in(const ptree& blob) {
  std::string text = text_in(blob, "Name");
  if (text_in(blob, "Name.<xmlattr>.Encoded") != "true") {
    return text;
  }
  std::string name;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
    const auto low = high ? hex_digit(text[i + 2]) : std::nullopt;
    name += low ? static_cast<char>(*high * 16 + *low) : text[i];
    i += low ? 2 : 0;
  }
  return name;
}

Item read_blob(const ptree& blob) {
  Item item{.name = name_in(blob),
            .kind = Kind::kFile,
            .bytes = number_in(blob, "Properties.Content-Length"),
            .modified_s = parse_http_date(text_in(blob, "Properties.Last-Modified")),
            .version = text_in(blob, "Properties.Etag")};
  if (text_in(blob, "Metadata.hdi_isfolder") == "true") {
    item = {.name = std::move(item.name), .kind = Kind::kFolder, .modified_s = item.modified_s};
  }
  return item;
}

void add(Page& page, Item item, std::string_view prefix) {
  if (!item.name.starts_with(prefix)) {
    ++page.unfit;
    return;
  }
  item.name.erase(0, prefix.size());
  if (item.kind == Kind::kFolder && item.name.ends_with('/')) {
    item.name.pop_back();
  }
  if (item.name.empty()) {
    return;  // the folder's own mark
  }
  if (is_name(item.name)) {
    page.items.push_back(std::move(item));
  } else {
    ++page.unfit;
  }
}

Result<ptree> read_list(std::string_view xml) {
  auto tree = parse_xml(xml, kMaxXml);
  if (!tree) {
    return tl::make_unexpected(tree.error());
  }
  const auto list = tree->get_child_optional("EnumerationResults");
  if (!list) {
    return fail(Code::kProtocol, "the storage's answer is no list of blobs");
  }
  return *list;
}

}  // namespace

Result<Page> parse_blobs(std::string_view xml, std::string_view prefix) {
  const auto list = read_list(xml);
  if (!list) {
    return tl::make_unexpected(list.error());
  }
  Page page{.items = {}, .next = text_in(*list, "NextMarker")};
  const auto blobs = list->get_child_optional("Blobs");
  for (const auto& [tag, blob] : blobs ? *blobs : ptree()) {
    if (tag == "Blob") {
      add(page, read_blob(blob), prefix);
    } else if (tag == "BlobPrefix") {
      add(page, {.name = name_in(blob), .kind = Kind::kFolder}, prefix);
    }
  }
  return page;
}

Result<Names> parse_blob_names(std::string_view xml) {
  const auto list = read_list(xml);
  if (!list) {
    return tl::make_unexpected(list.error());
  }
  Names names{.names = {}, .next = text_in(*list, "NextMarker")};
  const auto blobs = list->get_child_optional("Blobs");
  for (const auto& [tag, blob] : blobs ? *blobs : ptree()) {
    if (tag == "Blob") {
      names.names.push_back(name_in(blob));
    }
  }
  return names;
}

Result<std::map<std::string, std::uint64_t>> parse_uncommitted(std::string_view xml) {
  const auto tree = parse_xml(xml, kMaxXml);
  if (!tree) {
    return tl::make_unexpected(tree.error());
  }
  if (!tree->get_child_optional("BlockList")) {
    return fail(Code::kProtocol, "the storage's answer is no list of blocks");
  }
  std::map<std::string, std::uint64_t> blocks;
  const auto list = tree->get_child_optional("BlockList.UncommittedBlocks");
  for (const auto& [tag, block] : list ? *list : ptree()) {
    if (tag == "Block") {
      blocks.insert_or_assign(text_in(block, "Name"), number_in(block, "Size"));
    }
  }
  return blocks;
}

std::string parse_error_code(std::string_view xml) {
  const auto tree = parse_xml(xml, 64U << 10U);
  std::string code = tree ? text_in(*tree, "Error.Code") : "";
  std::erase_if(code, [](char c) { return c < '0' || c > 'z'; });
  return code.substr(0, 64);
}

}  // namespace rdev::storage
