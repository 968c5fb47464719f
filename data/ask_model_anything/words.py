"""The wordings of the questions of level full: one tuple for each type in `full.py`; {} is its subject."""
SETTING_WORDS = {"field": "a field", "sea": "the sea", "room": "a room", "street": "a street",
                 "night": "the night", "plain": "a plain background", "noisy": "a grainy background"}
IS_IT = (
    "Is {}?", "Yes or no: is {}?", "In the picture, is {}?", "Quick question: is {}?",
    "Look closely: is {}?", "Tell me, is {}?", "Check this for me: is {}?", "What would you say, is {}?")
UNKNOWN = {  # honest: no picture says this
    "What is the name of the {one}?": ("cat", "dog", "fish", "bird"),
    "How old is the {one}?": ("tree", "house", "cat", "dog", "car", "chair"),
    "Who does the {one} belong to?": ("car", "house", "umbrella", "hat", "bicycle", "cup", "key", "book"),
    "How much did the {one} cost?": ("car", "boat", "chair", "table", "clock", "umbrella", "bottle"),
    "What does the {one} smell of?": ("flower", "apple", "mushroom", "cup", "leaf")}
UNKNOWN_ANSWERS = (
    "The picture does not tell.", "That cannot be seen in the picture.", "Nobody can say that from here.")

COLOR_OF = (
    "What color is the {}?", "Which color does the {} have?", "Tell me the color of the {}.",
    "The {} - what color is it?", "In what color is the {}?", "What is the color of the {}?",
    "Name the color of the {}.", "I see a {}. What color is it?")
KIND_OF = (
    "What is the {} thing?", "Which {} thing is there?", "What do you see that is {}?", "What is {} here?",
    "Name the {} thing.", "Only one thing is {}. What is it?", "The {} thing is a what?",
    "What kind of thing is {}?")
PLACE_OF_THING = (
    "Where is the {}?", "In which part of the picture is the {}?", "Where can I find the {}?",
    "Where in the image is the {}?", "Help me find the {}.", "Say where the {} is.",
    "What is the place of the {}?", "Whereabouts is the {}?")
WHAT_IS_AT = (
    "What is {}?", "What can be seen {}?", "Which thing is {}?", "Name what is {}.", "What do you see {}?",
    "Look {}. What is there?", "Something is {}. What?", "Tell me what is {}.")
PATTERN_OF = (
    "Is the {} plain, striped or dotted?", "What pattern does the {} have: plain, striped, dotted?",
    "The {}: plain, striped or dotted?", "Which pattern is on the {}, or is it plain?",
    "Dots, stripes or nothing on the {}?", "How is the {} patterned?",
    "Say whether the {} is plain, striped or dotted.", "What about the pattern of the {}?")
WITH_PATTERN = (
    "What is {}?", "Which thing is {}?", "Name the {} thing.", "One thing is {}. Which?",
    "What has that pattern: {}?", "Find the {} thing. What is it?", "The {} thing is what?",
    "What here is {}?")
PRESENCE = (
    "Is there {}?", "Can you see {}?", "Does the picture show {}?", "Is {} in the image?",
    "Do you see {} here?", "Would you find {} in it?", "Any sign of {}?", "Yes or no: is there {}?")
PRESENCE_OF_KIND = (
    "Are there any {}?", "Do you see {}?", "Does it show {}?", "Can {} be seen?",
    "Is there at least one of the {}?", "Yes or no: any {}?", "Did they draw {}?",
    "Would you say there are {} here?")
BESIDE = (
    "What is {}?", "Which thing is {}?", "Name the thing {}.", "What do you see {}?",
    "Something is {}. What is it?", "What stands {}?", "Look {}: what is there?", "Tell me what is {}.")
EXTREME = (
    "What color is the {}?", "The {}: which color?", "Tell me the color of the {}.",
    "Which color has the {}?", "Find the {}. What color is it?", "Name the color of the {}.",
    "And the {}, what color?", "What is the color of the {}?")
LARGEST = (
    "What is the {} thing in the picture?", "Which thing is the {}?", "Name the {} thing.",
    "Of all things, which is the {}?", "What is the {} here?", "Find the {} thing.",
    "Which one is {}, looking at all of them?", "The {} thing is what?")
COMPARE_NUMBERS = (
    "Are there more {}?", "Of which are there more: {}?", "What is there more of, {}?", "More {}?",
    "Count them: more {}?", "Which are more numerous, {}?", "Compare the numbers: {}?",
    "Which wins by number: {}?")
HOW_MANY = (
    "How many {} are there? In a word.", "Say in a word how many {} you see.",
    "The number of {}, as a word?", "How many {}? Write it out.", "In letters: how many {}?",
    "Spell out the number of {}.", "How many {} did you find, in words?",
    "Number of {}, written out, please.")
TOTAL = (
    "How many {} are there in all?", "Count all {}, in a word.", "How many {} does the picture hold?",
    "The number of all {}?", "Altogether, how many {}?", "How many {} in total?", "Sum up all {}.",
    "How many {} would you count?")
READS = (
    "What does the {} say?", "Read the {}.", "What is written on the {}?", "Which word is on the {}?",
    "Tell me what the {} says.", "Can you read the {}?", "The {} says what?",
    "What are the letters on the {}?")
SAYS = (
    'What color is the sign that says "{}"?', 'Which color has the sign with "{}" on it?',
    'The sign "{}": what color?', 'Find "{}". What color is that sign?', 'In what color is the "{}" sign?',
    'Name the color of the sign reading "{}".', 'Somewhere it says "{}". On which color?',
    'What color is behind the letters "{}"?')
IN_FRONT = (
    "What is in front of the {}?", "What hides part of the {}?", "Something covers the {}. What?",
    "Which thing stands before the {}?", "What is partly covering the {}?",
    "Name what is in front of the {}.", "The {} is partly hidden by what?", "Behind which thing is the {}?")
SETTING = (
    "What is the {} here?", "Which {} does the picture have?", "Describe the {} in two words.",
    "What kind of {} is it?", "What {} do you see?", "Name the {}.", "And the {}?", "Tell me about the {}.")
SAME_COLOR = (
    "Do {} have the same color?", "Are {} of the same color?", "Same color: {}?",
    "Is the color of {} the same?", "Look at {}. Same color?", "Would you call {} equal in color?",
    "Compare {}: one color?", "Yes or no: {} have the same color?")
NEAREST = (
    "What is closest to the {}?", "Which thing is nearest to the {}?", "What is next to the {}?",
    "Name the nearest neighbour of the {}.", "The {} has what beside it?", "What stands closest to the {}?",
    "Starting at the {}, what is nearest?", "Which thing would you reach first from the {}?")
DESCRIBE = (
    "Describe the {}.", "Tell me about the {}.", "What can you say about the {}?", "How does the {} look?",
    "Say a sentence about the {}.", "Give me some details on the {}.", "What about the {}?",
    "I cannot see the {}. Describe it.")
MOST_COMMON = (
    "Which {} occurs most often?", "What is the most common {}?", "Which {} do most things share?",
    "Name the {} seen most.", "Of which {} are there most?", "The most frequent {} is?",
    "Which {} leads by number?", "What {} is there more of than of any other?")
BETWEEN = (
    "How many {} are there? A word will do.", "In a word: how many {}?", "Count the {}, in letters.",
    "The {}: how many, in words?", "Write out the number of {}.", "How many {} do you see, spelled out?",
    "Say how many {}, as a word.", "Number of {}, in a word?")
