#include "client/cluster/docker/auth.h"

#include <openssl/evp.h>

#include <boost/json/serialize.hpp>

#include "client/cluster/docker/credential_helper.h"
#include "client/cluster/docker/json.h"

namespace rdev::cluster::docker {
namespace {

std::string base64(const std::string& bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                reinterpret_cast<const unsigned char*>(bytes.data()),
                                static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(n));
  return text;
}

std::optional<std::string> unbase64(const std::string& text) {
  std::string bytes(text.size() / 4 * 3 + 3, '\0');
  const int n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                reinterpret_cast<const unsigned char*>(text.data()),
                                static_cast<int>(text.size()));
  if (n < 0) {
    return std::nullopt;
  }
  // EVP_DecodeBlock counts the padding as zero bytes.
  std::size_t size = static_cast<std::size_t>(n);
  for (std::size_t end = text.size(); end > 0 && text[end - 1] == '=' && size > 0; --end) {
    --size;
  }
  bytes.resize(size);
  return bytes;
}

// config.json names a registry with or without scheme and path ("https://host/v1/").
std::string bare_host(std::string key) {
  for (const std::string scheme : {"https://", "http://"}) {
    if (key.starts_with(scheme)) {
      key.erase(0, scheme.size());
    }
  }
  return key.substr(0, key.find('/'));
}

const json::object* object_at(const json::value& value, std::string_view pointer) {
  const json::value* found = find_at(value, pointer);
  return found != nullptr ? found->if_object() : nullptr;
}

// The entry of `key`, or of another spelling of its host.
const json::value* find_registry(const json::object& entries, const std::string& key) {
  if (const json::value* exact = entries.if_contains(key)) {
    return exact;
  }
  for (const auto& [name, value] : entries) {
    if (bare_host(std::string(name)) == bare_host(key)) {
      return &value;
    }
  }
  return nullptr;
}

Result<std::string> header_from_entry(const json::value& entry, const std::string& server) {
  const std::string token = text_at(entry, "/identitytoken");
  if (!token.empty()) {
    return auth_header("<token>", token, server);
  }
  std::string user = text_at(entry, "/username");
  std::string secret = text_at(entry, "/password");
  if (const std::string encoded = text_at(entry, "/auth"); !encoded.empty()) {
    const auto pair = unbase64(encoded);
    const auto colon = pair ? pair->find(':') : std::string::npos;
    if (colon == std::string::npos) {
      return fail(Code::kUsage, "docker's config.json has a damaged entry for " + server +
                                    ": run `docker login " + server + "` again");
    }
    user = pair->substr(0, colon);
    secret = pair->substr(colon + 1);
  }
  return user.empty() ? "" : auth_header(user, secret, server);
}

}  // namespace

std::string auth_header(const std::string& user, const std::string& secret,
                        const std::string& server) {
  json::object auth;
  if (user == "<token>") {
    auth["identitytoken"] = secret;
  } else {
    auth["username"] = user;
    auth["password"] = secret;
  }
  auth["serveraddress"] = server;
  std::string text = base64(json::serialize(auth));
  for (char& c : text) {
    c = c == '+' ? '-' : c == '/' ? '_' : c;
  }
  return text;
}

Result<CredentialSource> find_credentials(const DockerConfig& config, const std::string& registry) {
  CredentialSource source;
  if (const json::object* helpers = object_at(config.config, "/credHelpers")) {
    const json::value* helper = find_registry(*helpers, registry);
    if (helper != nullptr && helper->is_string()) {
      source.helper = std::string(helper->get_string());
      return source;
    }
  }
  if (source.helper = text_at(config.config, "/credsStore"); !source.helper.empty()) {
    return source;
  }
  if (const json::object* auths = object_at(config.config, "/auths")) {
    if (const json::value* entry = find_registry(*auths, registry)) {
      auto header = header_from_entry(*entry, registry);
      if (!header) {
        return tl::make_unexpected(header.error());
      }
      source.header = std::move(*header);
    }
  }
  return source;
}

Result<std::string> header_from_helper(const std::string& answer, const std::string& server) {
  auto value = parse_json(answer, "the credential helper's answer");
  if (!value) {
    return tl::make_unexpected(value.error());
  }
  const std::string user = text_at(*value, "/Username");
  return user.empty() ? "" : auth_header(user, text_at(*value, "/Secret"), server);
}

awaitable<Result<std::string>> registry_auth(const DockerConfig& config, std::string registry) {
  auto source = find_credentials(config, registry);
  if (!source) {
    co_return tl::make_unexpected(source.error());
  }
  if (source->helper.empty()) {
    co_return source->header;
  }
  auto answer = co_await ask_credential_helper(source->helper, registry);
  if (!answer) {
    co_return tl::make_unexpected(answer.error());
  }
  co_return *answer ? header_from_helper(**answer, registry) : Result<std::string>("");
}

}  // namespace rdev::cluster::docker
