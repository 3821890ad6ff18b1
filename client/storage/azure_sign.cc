#include "client/storage/azure_sign.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <ctime>

#include "protocol/ssh/base64.h"

namespace rdev::storage {
namespace {

std::string value_of(const Unsigned& request, const char* name) {
  const auto found = request.headers.find(name);
  return found == request.headers.end() ? "" : found->second;
}

constexpr std::array kBehindType = {"date",          "if-modified-since",   "if-match",
                                    "if-none-match", "if-unmodified-since", "range"};

}  // namespace

std::string string_to_sign(const std::string& account, const Unsigned& request) {
  std::string text = request.method + "\n";
  text += value_of(request, "content-encoding") + "\n";
  text += value_of(request, "content-language") + "\n";
  text += (request.body_bytes == 0 ? "" : std::to_string(request.body_bytes)) + "\n";
  text += value_of(request, "content-md5") + "\n";
  text += value_of(request, "content-type") + "\n";
  for (const char* name : kBehindType) {
    text += value_of(request, name) + "\n";
  }
  for (const auto& [name, value] : request.headers) {
    if (name.starts_with("x-ms-")) {
      text.append(name).append(":").append(value).append("\n");
    }
  }
  text += "/" + account + request.path;
  for (const auto& [name, value] : request.query) {
    text.append("\n").append(name).append(":").append(value);
  }
  return text;
}

Result<std::string> shared_key(const std::string& account, std::string_view key,
                               const Unsigned& request) {
  const auto secret = ssh::unbase64(key);
  if (!secret || secret->empty()) {
    return fail(Code::kProtocol, "the cluster's key of the account " + account +
                                     " is not Base64: the admin has to put it right");
  }
  const std::string text = string_to_sign(account, request);
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned int length = 0;
  if (::HMAC(EVP_sha256(), secret->data(), static_cast<int>(secret->size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(),
             &length) == nullptr) {
    return fail(Code::kFailed, "OpenSSL cannot sign with HMAC-SHA256");
  }
  return "SharedKey " + account + ":" +
         ssh::base64({reinterpret_cast<const char*>(mac.data()), length});
}

std::string http_date(std::int64_t unix_s) {
  const std::time_t time = unix_s;
  std::tm parts{};
  std::array<char, 64> text{};
  ::gmtime_r(&time, &parts);
  return {text.data(),
          std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

std::int64_t parse_http_date(const std::string& text) {
  std::tm parts{};
  const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return end == nullptr || *end != '\0' ? 0 : ::timegm(&parts);
}

}  // namespace rdev::storage
