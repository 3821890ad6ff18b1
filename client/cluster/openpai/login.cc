#include "client/cluster/openpai/login.h"

#include <algorithm>
#include <array>

#include "client/cluster/openpai/read_json.h"

namespace rdev::cluster::openpai {
namespace {

constexpr std::size_t kMaxTokenBytes = 16U << 10U;

bool visible_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

// It becomes part of a URL and of what the user reads.
bool usable_user(std::string_view user) {
  return !user.empty() && user.size() <= 256 && visible_ascii(user);
}

bool usable_token(std::string_view token) {
  return !token.empty() && token.size() <= kMaxTokenBytes && visible_ascii(token);
}

// -1 for what is no character of base64url (RFC 4648, section 5).
int base64url_digit(char c) {
  if (c >= 'A' && c <= 'Z') {
    return c - 'A';
  }
  if (c >= 'a' && c <= 'z') {
    return c - 'a' + 26;
  }
  if (c >= '0' && c <= '9') {
    return c - '0' + 52;
  }
  return c == '-' ? 62 : c == '_' ? 63 : -1;
}

// Without padding, as JWT has it (RFC 7515, section 2).
std::optional<std::string> from_base64url(std::string_view text) {
  if (text.size() % 4 == 1) {
    return std::nullopt;
  }
  std::string bytes;
  unsigned buffer = 0;
  int bits = 0;
  for (const char c : text) {
    const int digit = base64url_digit(c);
    if (digit < 0) {
      return std::nullopt;
    }
    buffer = (buffer << 6U | static_cast<unsigned>(digit)) & 0xffffU;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>(buffer >> static_cast<unsigned>(bits) & 0xffU);
    }
  }
  return bytes;
}

Result<Claims> claims_of(const json::object& object, const std::string& where) {
  Claims claims{.username = text_in(object, "username"),
                .application = truth_in(object, "application"),
                .expires_unix_s = whole_in(object, "exp")};
  if (!usable_user(claims.username)) {
    return fail(Code::kProtocol, where + " does not say whose it is");
  }
  if (!claims.expires_unix_s && member(object, "exp") != nullptr) {
    return fail(Code::kProtocol, where + " says no sensible time of its end");
  }
  return claims;
}

}  // namespace

Result<Login> parse_login(std::string_view body) {
  const auto object = read_object(body, "answer to the login");
  if (!object) {
    return tl::make_unexpected(object.error());
  }
  Login login{.user = text_in(*object, "user"),
              .token = text_in(*object, "token"),
              .admin = truth_in(*object, "admin")};
  if (!usable_token(login.token)) {
    return fail(Code::kProtocol, "the server's answer to the login has no usable token in it");
  }
  if (!usable_user(login.user)) {
    return fail(Code::kProtocol, "the server's answer to the login does not say who the user is");
  }
  return login;
}

Result<Claims> parse_claims(std::string_view body) {
  const auto object = read_object(body, "word on the token");
  if (!object) {
    return tl::make_unexpected(object.error());
  }
  return claims_of(*object, "the server's word on the token");
}

Result<Claims> token_claims(std::string_view token) {
  constexpr std::string_view kCopyAgain =
      "; copy all of it from the web portal's profile page, without spaces";
  if (!usable_token(token)) {
    return fail(Code::kUsage, "this is no token" + std::string(kCopyAgain));
  }
  const std::size_t first = token.find('.');
  const std::size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) {
    return fail(Code::kUsage,
                "this is no token of three parts with dots between" + std::string(kCopyAgain));
  }
  const auto payload = from_base64url(token.substr(first + 1, second - first - 1));
  const auto object = payload ? read_object(*payload, "token")
                              : Result<json::object>(fail(Code::kProtocol, "not base64url"));
  if (!object) {
    return fail(Code::kUsage, "the token's middle part cannot be read" + std::string(kCopyAgain));
  }
  return claims_of(*object, "the token");
}

std::optional<std::chrono::seconds> expires_in(const Claims& claims, std::int64_t now_unix_s) {
  if (!claims.expires_unix_s) {
    return std::nullopt;
  }
  if (*claims.expires_unix_s <= now_unix_s) {
    return std::chrono::seconds(0);
  }
  // Of opposite signs the difference may not fit.
  std::int64_t left = 0;
  if (__builtin_sub_overflow(*claims.expires_unix_s, now_unix_s, &left)) {
    return std::chrono::seconds::max();
  }
  return std::chrono::seconds(left);
}

}  // namespace rdev::cluster::openpai
