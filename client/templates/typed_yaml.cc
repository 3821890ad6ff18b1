#include "client/templates/typed_yaml.h"

#include <charconv>

#include "client/templates/pointer.h"

namespace rdev::templates {

namespace json = boost::json;

std::string place_text(const std::string& file, Place place) {
  if (place.line == 0) {
    return file;
  }
  return file + ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
}

const TypedYaml::Node* TypedYaml::find(std::string_view pointer, bool* whole) const {
  const Node* node = &root_;
  const json::value* value = &value_;
  if (whole != nullptr) {
    *whole = false;
  }
  for (const std::string& step : pointer_steps(pointer)) {
    std::size_t index = node->children.size();
    if (const json::object* object = value->if_object()) {
      const auto found = object->find(step);
      index = static_cast<std::size_t>(found - object->begin());
      value = found == object->end() ? nullptr : &found->value();
    } else if (const json::array* array = value->if_array()) {
      const char* end = step.data() + step.size();
      const auto [rest, error] = std::from_chars(step.data(), end, index);
      value = error != std::errc() || rest != end || index >= array->size() ? nullptr
                                                                            : &(*array)[index];
    } else {
      value = nullptr;
    }
    if (value == nullptr) {
      return node;
    }
    node = &node->children[index];
  }
  if (whole != nullptr) {
    *whole = true;
  }
  return node;
}

Place TypedYaml::key_place(std::string_view pointer) const {
  bool whole = false;
  const Node* node = find(pointer, &whole);
  return whole && node->key.line != 0 ? node->key : node->value;
}

tl::unexpected<Error> TypedYaml::wrong_at(Place place, std::string_view pointer,
                                          const std::string& what) const {
  const std::string path = pointer_text(pointer);
  return fail(Code::kUsage,
              place_text(file_, place) + ": " + (path.empty() ? "" : path + ": ") + what);
}

tl::unexpected<Error> TypedYaml::wrong(std::string_view pointer, const std::string& what) const {
  return wrong_at(place(pointer), pointer, what);
}

tl::unexpected<Error> TypedYaml::wrong_key(std::string_view pointer,
                                           const std::string& what) const {
  return wrong_at(key_place(pointer), pointer, what);
}

}  // namespace rdev::templates
