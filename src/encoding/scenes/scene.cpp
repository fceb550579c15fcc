#include "src/encoding/scenes/scene.hpp"

#include <algorithm>
#include <cmath>

namespace alignment::encoding {
namespace {

constexpr int kLeastPause = 2, kMostPause = 16, kLeastLength = 10, kMostLength = 18;  // frames
constexpr int kNoise = 3;                                                             // levels
static_assert(static_cast<int>(kSceneEvents) * kMostLength + (static_cast<int>(kSceneEvents) + 1) * kMostPause <=
              Scene::kMostFrames);

double between(io::RandomBits& random, double least, double most) {
  return least + (most - least) * random.uniform();
}
int whole_between(io::RandomBits& random, int least, int most) {
  return least + static_cast<int>(random.next() % static_cast<std::uint64_t>(most - least + 1));
}

/// How much of the pixel at `at` lies between two edges.
double covered(double at, double first, double last) {
  return std::clamp(std::min(at + 1, last) - std::max(at, first), 0.0, 1.0);
}

/// A shape with a middle, as seen from a pixel.
struct Round {
  double x, y, radius;  ///< pixels

  [[nodiscard]] double distance(int column, int row) const { return std::hypot(column + 0.5 - x, row + 0.5 - y); }
  /// How much of the pixel lies within.
  [[nodiscard]] double covers(int column, int row) const {
    if (std::abs(column + 0.5 - x) > radius + 1 || std::abs(row + 0.5 - y) > radius + 1) return 0;
    return std::clamp(radius + 0.5 - distance(column, row), 0.0, 1.0);
  }
};

/// 0 to 1 and back while `progress` goes from 0 to 1.
double there_and_back(double progress) {
  return 1 - std::abs(2 * progress - 1);
}

}  // namespace

std::vector<SceneOrder> scene_orders() {
  SceneOrder order = {SceneEvent::kOpen, SceneEvent::kCross, SceneEvent::kGlow};
  std::vector<SceneOrder> orders;
  do orders.push_back(order);
  while (std::ranges::next_permutation(order).found);
  return orders;
}

std::string to_text(SceneEvent event) {
  return event == SceneEvent::kOpen ? "open" : event == SceneEvent::kCross ? "cross" : "glow";
}

std::string to_text(const SceneOrder& order) {
  std::string text;
  for (const SceneEvent event : order) {
    if (!text.empty()) text += '_';
    text += to_text(event);
  }
  return text;
}

Scene::Scene(const SceneOrder& order, std::uint64_t seed) {
  io::RandomBits random(io::RandomBits::mix(seed));
  for (const SceneEvent event : order) {
    const auto index = static_cast<std::size_t>(event);
    first_[index] = frames_ + whole_between(random, kLeastPause, kMostPause);
    length_[index] = whole_between(random, kLeastLength, kMostLength);
    frames_ = first_[index] + length_[index];
  }
  frames_ += whole_between(random, kLeastPause, kMostPause);
  const auto colour = [&](double least, double most) {
    return Colour{between(random, least, most), between(random, least, most), between(random, least, most)};
  };
  sky_ = colour(90, 150);
  ground_ = colour(40, 90);
  box_ = colour(120, 200);
  inside_ = colour(0, 40);
  ball_ = colour(170, 250);
  lamp_ = {between(random, 220, 255), between(random, 200, 250), between(random, 100, 160)};
  horizon_ = between(random, 54, 62);
  box_width_ = between(random, 26, 32);
  box_x_ = between(random, 6, 14);
  box_y_ = between(random, 22, 30);
  ball_radius_ = between(random, 6, 9);
  ball_y_ = between(random, 72, 82);
  lamp_x_ = between(random, 68, 80);
  lamp_y_ = between(random, 18, 28);
  noise_ = random.next();
}

double Scene::progress(SceneEvent event, int frame) const {
  const auto index = static_cast<std::size_t>(event);
  return std::clamp(static_cast<double>(frame - first_[index]) / length_[index], 0.0, 1.0);
}

void Scene::draw(int frame, io::RgbImage& image) const {
  image.width = image.height = kSize;
  image.pixels.resize(std::size_t{3} * kSize * kSize);
  const double lid = box_width_ / 2 * (1 - 0.9 * there_and_back(progress(SceneEvent::kOpen, frame)));
  const double crossing = progress(SceneEvent::kCross, frame);
  const Round ball{-ball_radius_ - 1 + crossing * (kSize + 2 * ball_radius_ + 2), ball_y_, ball_radius_};
  const double glow = there_and_back(progress(SceneEvent::kGlow, frame));
  constexpr double kLampRadius = 7, kLight = 3 * kLampRadius;
  const Round lamp{lamp_x_, lamp_y_, kLampRadius}, light{lamp_x_, lamp_y_, kLight};
  io::RandomBits noise(noise_ + static_cast<std::uint64_t>(frame) * io::RandomBits::kStep);
  for (int y = 0; y < kSize; ++y) {
    for (int x = 0; x < kSize; ++x) {
      const double below = covered(y, horizon_, kSize);
      const double in_height = covered(y, box_y_, box_y_ + box_width_);
      const double in_box = in_height * covered(x, box_x_, box_x_ + box_width_);
      const double in_lids =
          in_height * (covered(x, box_x_, box_x_ + lid) + covered(x, box_x_ + box_width_ - lid, box_x_ + box_width_));
      const double in_ball = ball.covers(x, y), in_lamp = lamp.covers(x, y);
      double lit = in_lamp;
      if (light.covers(x, y) > 0) lit = std::max(lit, 0.6 * std::clamp(1 - light.distance(x, y) / kLight, 0.0, 1.0));
      lit *= glow;
      const int grain = whole_between(noise, -kNoise, kNoise);
      for (std::size_t k = 0; k < 3; ++k) {
        double level = sky_[k] + below * (ground_[k] - sky_[k]);
        level += in_box * (inside_[k] - level);
        level += in_lids * (box_[k] - level);
        level += in_ball * (ball_[k] - level);
        level += in_lamp * (0.35 * lamp_[k] - level);
        level += lit * (lamp_[k] - level);
        image.pixels[(static_cast<std::size_t>(y) * kSize + static_cast<std::size_t>(x)) * 3 + k] =
            static_cast<std::uint8_t>(std::clamp(static_cast<int>(level + 0.5) + grain, 0, 255));
      }
    }
  }
}

}  // namespace alignment::encoding
