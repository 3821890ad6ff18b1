#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "client/storage/store.h"

// What Azure's blob service answers with: XML.
namespace rdev::storage {

inline constexpr std::size_t kMaxXml = 16U << 20U;

// Of List Blobs, in the folder `prefix` ("" or "a/b/"). A blob with the metadata
// hdi_isfolder=true stands for a folder, as blobfuse writes it. Code::kProtocol for what is no such
// list, Code::kLimit for more than kMaxXml.
Result<Page> parse_blobs(std::string_view xml, std::string_view prefix);

// The names of all blobs of List Blobs without a delimiter.
struct Names {
  std::vector<std::string> names;
  std::string next;
};
Result<Names> parse_blob_names(std::string_view xml);

// {Base64 id: bytes} of Get Block List, uncommitted.
Result<std::map<std::string, std::uint64_t>> parse_uncommitted(std::string_view xml);

// <Code> of an error; empty when there is none.
std::string parse_error_code(std::string_view xml);

}  // namespace rdev::storage
