#include "client/cluster/openpai/info.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

#include "client/cluster/openpai/read_json.h"

namespace rdev::cluster::openpai {
namespace {

constexpr Version kOldest{0, 17, 0};

constexpr std::array<std::pair<Feature, Version>, 6> kSince = {{
    {Feature::kStorages, {1, 0, 0}},
    {Feature::kListFilters, {1, 2, 0}},
    {Feature::kEvents, {1, 3, 0}},
    {Feature::kTags, {1, 3, 0}},
    {Feature::kTaskAttempts, {1, 3, 0}},
    {Feature::kLogs, {1, 4, 0}},
}};

constexpr std::string_view kUpgrade =
    "; rdev needs OpenPAI 0.17 or later on Kubernetes: ask the cluster's administrator for an "
    "upgrade";

// "basic", "OIDC".
std::optional<Info::Auth> auth_of(std::string word) {
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (word == "basic") {
    return Info::Auth::kBasic;
  }
  return word == "oidc" ? std::optional(Info::Auth::kOidc) : std::nullopt;
}

tl::unexpected<Error> not_openpai() {
  return fail(
      Code::kProtocol,
      "what answers there is not OpenPAI's REST server; give the address that the web portal "
      "has in the browser, or http://MASTER:9186");
}

}  // namespace

std::optional<Version> parse_version(std::string_view text) {
  if (text.starts_with('v')) {
    text.remove_prefix(1);
  }
  Version version{};
  const char* at = text.data();
  const char* end = at + text.size();
  for (std::size_t i = 0; i < version.size(); ++i) {
    const auto [rest, error] = std::from_chars(at, end, version[i]);
    if (error != std::errc() || version[i] < 0) {
      return std::nullopt;
    }
    at = rest;
    const bool more =
        at != end && *at == '.' && at + 1 != end && *(at + 1) >= '0' && *(at + 1) <= '9';
    if (!more) {
      return i == 0 ? std::nullopt : std::optional(version);
    }
    ++at;
  }
  return version;
}

Result<Info> parse_info(std::string_view body) {
  if (body.substr(0, 200).find("PAI RESTful API</pre>") != std::string_view::npos) {
    return fail(Code::kUsage, "the cluster runs OpenPAI 0.14 or older" + std::string(kUpgrade));
  }
  const auto object = read_object(body, "description of itself");
  if (!object) {
    return object.error().code == Code::kLimit ? tl::make_unexpected(object.error())
                                               : not_openpai();
  }
  if (text_in(*object, "name") != "PAI RESTful API") {
    return not_openpai();
  }
  return Info{.version = plain(text_in(*object, "version"), 40),
              .launcher = plain(text_in(*object, "launcherType"), 40),
              .auth = auth_of(text_in(*object, "authnMethod"))};
}

Result<Info::Auth> parse_auth(std::string_view body) {
  const auto object = read_object(body, "way to log in");
  if (!object) {
    return object.error().code == Code::kLimit ? tl::make_unexpected(object.error())
                                               : not_openpai();
  }
  const std::string word = text_in(*object, "authn_type");
  if (word.empty()) {
    return not_openpai();
  }
  if (const auto auth = auth_of(word)) {
    return *auth;
  }
  return fail(Code::kProtocol,
              "the cluster has a way to log in that rdev does not know (" + plain(word, 40) +
                  "); copy a token from the web portal's profile page and give it to "
                  "`rdev cluster login`");
}

Result<void> check_supported(const Info& info) {
  const auto version = parse_version(info.version);
  if (version && *version < kOldest) {
    return fail(Code::kUsage, "the cluster runs OpenPAI " + info.version + std::string(kUpgrade));
  }
  if (info.launcher == "yarn") {
    return fail(Code::kUsage,
                "the cluster runs its jobs on YARN, not on Kubernetes" + std::string(kUpgrade));
  }
  return {};
}

bool has(const Info& info, Feature feature) {
  const auto version = parse_version(info.version);
  return !version || std::any_of(kSince.begin(), kSince.end(), [&](const auto& row) {
    return row.first == feature && *version >= row.second;
  });
}

}  // namespace rdev::cluster::openpai
