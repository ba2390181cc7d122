"""What the model can draw: words, the pictures they stand for, backgrounds, and how people would ask. Pure.

Short names are those of the emoji data (Noto images, Apache-2.0).
"""

from random import Random

SUBJECTS = {
    "dog": "dog", "cat": "cat", "mouse": "mouse", "rabbit": "rabbit", "fox": "fox_face", "bear": "bear",
    "panda": "panda_face", "koala": "koala", "tiger": "tiger", "lion": "lion_face", "cow": "cow", "pig": "pig",
    "frog": "frog", "monkey": "monkey_face", "chick": "baby_chick", "penguin": "penguin", "bird": "bird", "owl": "owl",
    "duck": "duck", "wolf": "wolf", "horse": "horse", "unicorn": "unicorn_face", "bee": "bee", "butterfly": "butterfly",
    "snail": "snail", "ladybug": "ladybug", "turtle": "turtle", "snake": "snake", "octopus": "octopus", "crab": "crab",
    "fish": "tropical_fish", "whale": "whale", "dolphin": "dolphin", "elephant": "elephant", "parrot": "parrot",
    "spider": "spider", "dinosaur": "sauropod", "hedgehog": "hedgehog", "dragon": "dragon_face", "sheep": "sheep",
    "red apple": "apple", "green apple": "green_apple", "pear": "pear", "orange": "tangerine", "lemon": "lemon",
    "banana": "banana", "watermelon": "watermelon", "grapes": "grapes", "strawberry": "strawberry",
    "cherries": "cherries", "peach": "peach", "pineapple": "pineapple", "tomato": "tomato", "carrot": "carrot",
    "corn": "corn", "broccoli": "broccoli", "mushroom": "mushroom", "pizza": "pizza", "hamburger": "hamburger",
    "cake": "birthday", "ice cream": "icecream", "cookie": "cookie", "doughnut": "doughnut", "egg": "fried_egg",
    "cheese": "cheese_wedge", "bread": "bread", "coffee": "coffee", "car": "red_car", "bus": "bus",
    "rocket": "rocket", "airplane": "airplane", "ship": "ship", "bike": "bike", "house": "house",
    "castle": "european_castle",
    "tree": "deciduous_tree", "palm tree": "palm_tree", "cactus": "cactus", "sunflower": "sunflower", "tulip": "tulip",
    "rose": "rose", "sun": "sun_with_face", "moon": "crescent_moon", "star": "star", "rainbow": "rainbow",
    "cloud": "cloud", "fire": "fire", "snowman": "snowman_without_snow", "umbrella": "umbrella", "volcano": "volcano",
    "heart": "hearts", "balloon": "balloon", "gift": "gift", "football": "soccer", "basketball": "basketball",
    "guitar": "guitar", "bell": "bell", "key": "key", "book": "blue_book", "clock": "alarm_clock", "crown": "crown",
    "teddy bear": "teddy_bear", "pumpkin": "jack_o_lantern", "christmas tree": "christmas_tree", "robot": "robot_face",
    "ghost": "ghost",
}  # fmt: skip
BACKGROUNDS = {
    "white": (255, 255, 255), "black": (24, 24, 28), "red": (226, 68, 60), "blue": (66, 120, 226),
    "green": (76, 176, 88), "yellow": (250, 214, 72), "pink": (248, 166, 196), "purple": (142, 92, 196),
    "orange": (246, 150, 56), "grey": (150, 154, 160), "sky": (150, 210, 248),
}  # fmt: skip
PLAIN = "white"
PLURAL = frozenset({"grapes", "cherries"})
HELD = (
    "a dog", "a cat on a pink background", "a red apple", "a penguin on a blue background",
    "a lion on a green background", "a panda", "an owl on a purple background", "a frog on a yellow background",
    "a bee", "a strawberry on a black background", "a banana on a blue background",
    "a sunflower on a sky background", "a rocket on a black background", "a pizza", "a house on a green background",
    "a tiger on a grey background", "a whale on a sky background", "a turtle on an orange background",
    "a unicorn on a pink background", "a snowman on a blue background", "a carrot", "a guitar on a red background",
    "a rainbow on a white background", "a robot on a yellow background",
)  # fmt: skip
"""Two dozen requests that a person judges. Those with a background are never shown in training."""


def article(words: str) -> str:
    """``words`` with their article, where they have one."""
    if words in PLURAL:
        return words
    return f"an {words}" if words[0] in "aeio" else f"a {words}"


def caption(subject: str, background: str, random: Random) -> str:
    """One of the ways to ask for it."""
    thing = subject if random.random() < 0.1 else article(subject)
    if background == PLAIN and random.random() < 0.7:
        return thing
    return f"{thing} on {article(background)} background"


def is_held(subject: str, background: str) -> bool:
    """Kept out of training, so that the sheet shows what was learned and not only what was remembered."""
    return background != PLAIN and f"{article(subject)} on {article(background)} background" in HELD


def words() -> tuple[str, ...]:
    """Every word that a caption may have, in a fixed order."""
    found = {"a", "an", "on", "background"}
    for each in (*SUBJECTS, *BACKGROUNDS):
        found.update(each.split())
    return tuple(sorted(found))
