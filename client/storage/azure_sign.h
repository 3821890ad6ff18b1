#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "protocol/base/result.h"

// "Authorize with Shared Key", Azure Storage REST API reference, versions 2015-02-21 and later.
namespace rdev::storage {

struct Unsigned {
  std::string method;
  std::string path;                            // encoded, as it is sent
  std::map<std::string, std::string> query;    // decoded; names in lower case
  std::map<std::string, std::string> headers;  // names in lower case
  std::uint64_t body_bytes = 0;
};

std::string string_to_sign(const std::string& account, const Unsigned& request);

// The Authorization header. Code::kProtocol for a key that is not Base64; the key is not quoted.
Result<std::string> shared_key(const std::string& account, std::string_view key,
                               const Unsigned& request);

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7), and back; 0 for what is no such date.
std::string http_date(std::int64_t unix_s);
std::int64_t parse_http_date(const std::string& text);

}  // namespace rdev::storage
