#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace rdev::cluster::openpai {

struct Login {
  std::string user;
  std::string token;  // a secret; visible ASCII only, so that it fits into a header
  bool admin = false;
};

// Of POST …/authn/basic/login. No error quotes the body.
Result<Login> parse_login(std::string_view body);

// What a token says of itself.
struct Claims {
  std::string username;
  bool application = false;                      // never expires, for calls about jobs only
  std::optional<std::int64_t> expires_unix_s{};  // none: it does not expire
};

// Of GET /api/v2/tokens/check.
Result<Claims> parse_claims(std::string_view body);

// The claims inside of a JWT (RFC 7519, compact form), NOT verified: only the server can. Good for
// "whose is it, and until when". No error quotes the token.
Result<Claims> token_claims(std::string_view token);

// From `now` until the token expires; not below 0; nullopt when it does not expire.
std::optional<std::chrono::seconds> expires_in(const Claims& claims, std::int64_t now_unix_s);

}  // namespace rdev::cluster::openpai
