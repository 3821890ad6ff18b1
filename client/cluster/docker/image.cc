#include "client/cluster/docker/image.h"

namespace rdev::cluster::docker {
namespace {

bool plain(const std::string& image) {
  return !image.empty() && image.size() <= 512 && image[0] != '/' && image[0] != '-' &&
         image.find("..") == std::string::npos && image.find("//") == std::string::npos &&
         image.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
             "._/:@-") == std::string::npos;
}

// The first part of a name is a registry when it looks like a host.
std::string registry_of(const std::string& repository) {
  const std::string first = repository.substr(0, repository.find('/'));
  const bool host = first.size() < repository.size() &&
                    (first.find_first_of(".:") != std::string::npos || first == "localhost");
  return host ? first : std::string(kDefaultRegistry);
}

}  // namespace

Result<ImageName> parse_image(const std::string& image) {
  if (!plain(image)) {
    return fail(Code::kUsage, "image \"" + image +
                                  "\" is no image name; write NAME[:TAG], for "
                                  "example debian:12");
  }
  ImageName name;
  const auto at = image.find('@');
  name.repository = image.substr(0, at);
  const auto slash = name.repository.rfind('/');
  const auto colon = name.repository.find(':', slash == std::string::npos ? 0 : slash);
  if (colon != std::string::npos) {
    name.version = name.repository.substr(colon + 1);
    name.repository.resize(colon);
  }
  if (at != std::string::npos) {
    name.version = image.substr(at + 1);
  } else if (colon == std::string::npos) {
    name.version = "latest";
  }
  if (name.repository.empty() || name.repository.ends_with('/') || name.version.empty()) {
    return fail(Code::kUsage, "image \"" + image + "\" is no image name: a part of it is empty");
  }
  name.registry = registry_of(name.repository);
  return name;
}

ImageFacts image_facts(const json::value& inspected) {
  ImageFacts facts;
  facts.os = text_at(inspected, "/Os");
  facts.architecture = text_at(inspected, "/Architecture");
  facts.entrypoint = texts_at(inspected, "/Config/Entrypoint");
  facts.command = texts_at(inspected, "/Config/Cmd");
  facts.user = text_at(inspected, "/Config/User");
  return facts;
}

Result<void> check_runnable(const std::string& image, const ImageFacts& facts) {
  if (facts.os != "linux" || facts.architecture != "amd64") {
    return fail(Code::kUsage,
                "image " + image + " is for " + facts.os + "/" + facts.architecture +
                    ", the agent is for linux/amd64: choose an image of that platform");
  }
  return {};
}

awaitable<Result<std::optional<ImageFacts>>> inspect_image(Engine& engine, std::string image) {
  auto inspected = co_await get_json(engine, "/images/" + image + "/json");
  if (!inspected) {
    co_return tl::make_unexpected(inspected.error());
  }
  if (!*inspected) {
    co_return std::optional<ImageFacts>();
  }
  co_return std::optional<ImageFacts>(image_facts(**inspected));
}

}  // namespace rdev::cluster::docker
