#include "client/templates/old_clusters.h"

#include <boost/json.hpp>

#include "client/templates/pointer.h"
#include "client/templates/typed_yaml.h"

namespace rdev::templates {
namespace {

namespace json = boost::json;

constexpr std::size_t kLongestName = 31;

Result<std::string> text_in(const TypedYaml& document, const std::string& pointer,
                            const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || value->is_null()) {
    return std::string();
  }
  if (value->is_number()) {  // a user or a password of digits
    return json::serialize(*value);
  }
  if (!value->is_string()) {
    return document.wrong(pointer_to(pointer, key), "must be text");
  }
  return std::string(value->get_string());
}

Result<OldCluster> read_cluster(const TypedYaml& document, std::size_t index,
                                const json::value& value) {
  const std::string pointer = pointer_to("", index);
  const json::object* object = value.if_object();
  if (object == nullptr) {
    return document.wrong(pointer, "must be a mapping with cluster_alias and pai_uri");
  }
  OldCluster cluster;
  const std::pair<std::string_view, std::string OldCluster::*> kFields[] = {
      {"cluster_alias", &OldCluster::alias},
      {"pai_uri", &OldCluster::uri},
      {"user", &OldCluster::user},
      {"password", &OldCluster::password},
      {"token", &OldCluster::token}};
  for (const auto& [key, field] : kFields) {
    auto text = text_in(document, pointer, *object, key);
    if (!text) {
      return tl::make_unexpected(text.error());
    }
    cluster.*field = *std::move(text);
  }
  if (cluster.alias.empty() || cluster.uri.empty()) {
    return document.wrong(pointer, "needs cluster_alias and pai_uri");
  }
  if (cluster.uri.find("://") == std::string::npos) {
    cluster.uri.insert(0, "http://");
  }
  return cluster;
}

}  // namespace

Result<std::vector<OldCluster>> parse_old_clusters(std::string_view text, const std::string& file) {
  const auto document = parse_typed_yaml(text, file);
  if (!document) {
    return tl::make_unexpected(document.error());
  }
  const json::array* list = document->value().if_array();
  if (list == nullptr) {
    return document->wrong("", "is no list of clusters, as pai and opai wrote it");
  }
  std::vector<OldCluster> clusters;
  for (std::size_t i = 0; i < list->size(); ++i) {
    auto cluster = read_cluster(*document, i, (*list)[i]);
    if (!cluster) {
      return tl::make_unexpected(cluster.error());
    }
    clusters.push_back(*std::move(cluster));
  }
  return clusters;
}

std::string name_of_alias(std::string_view alias) {
  std::string name;
  for (char c : alias) {
    if (c >= 'A' && c <= 'Z') {
      c = static_cast<char>(c - 'A' + 'a');
    }
    const bool is_letter = c >= 'a' && c <= 'z';
    const bool may_follow = is_letter || (c >= '0' && c <= '9');
    if (name.empty() && !is_letter) {
      name = "c";
      name += may_follow ? std::string("-") + c : "";
    } else {
      name += may_follow ? c : '-';
    }
  }
  name.resize(std::min(name.size(), kLongestName));
  name.erase(name.find_last_not_of('-') + 1);
  return name == "local" || name == "docker" ? name + "-pai" : name;
}

}  // namespace rdev::templates
