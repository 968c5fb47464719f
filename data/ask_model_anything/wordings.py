"""Wordings of the questions of level full: one tuple for each type, with a slot {} for the subject."""
SETTING_WORDS = {"field": "a field", "sea": "the sea", "room": "a room", "street": "a street",
                 "night": "the night", "plain": "a plain background", "noisy": "a grainy background"}
IS_IT = (
    "Is {}?", "Yes or no: is {}?", "In the picture, is {}?", "Quick question: is {}?",
    "Look closely: is {}?", "Tell me, is {}?", "Check this for me: is {}?", "Can you tell me: is {}?")
UNKNOWN = {  # no image answers these questions
    "What is the name of the {one}?": ("cat", "dog", "fish", "bird"),
    "How old is the {one}?": ("tree", "house", "cat", "dog", "car", "chair"),
    "Who does the {one} belong to?": ("car", "house", "umbrella", "hat", "bicycle", "cup", "key", "book"),
    "How much did the {one} cost?": ("car", "boat", "chair", "table", "clock", "umbrella", "bottle"),
    "What does the {one} smell of?": ("flower", "apple", "mushroom", "cup", "leaf"),
    "Who made the {one}?": ("kite", "chair", "table", "lamp", "boat", "sign", "clock", "hat"),
    "What is inside the {one}?": ("house", "bottle", "cup", "balloon", "ball"),
    "What is the {one} thinking of?": ("cat", "dog", "fish", "bird"),
    "How heavy is the {one}?": ("apple", "ball", "key", "book", "lamp", "mushroom")}
UNKNOWN_ANSWERS = (
    "The picture does not tell.", "That cannot be seen in the picture.", "Nobody can say that from here.",
    "There is no way to know from the picture.", "The picture does not show that.")
# Descriptions. {pattern}: "plain", "striped"; {with_it}: "", " with stripes"; {at}: "on the left".
SENTENCES = (
    "The {kind} is {color} and {pattern}, and it is {at}.", "It is a {pattern} {color} {kind} {at}.",
    "The {kind} {at} is {color}{with_it}.", "You can see it {at}: the {kind} is {color}{with_it}.",
    "{at} there is a {pattern} {kind} in {color}.", "The {kind}, which is {at}, is {color}{with_it}.")
WITH_IT = {"plain": "", "striped": " with stripes", "dotted": " with dots"}

COLOR_OF = (
    "What color is the {}?", "Which color does the {} have?", "Tell me the color of the {}.",
    "The {} - what color is it?", "In what color is the {}?", "What is the color of the {}?",
    "Name the color of the {}.", "I can see the {}. What color is it?")
KIND_OF = (
    "What is the {} thing?", "Which {} thing is there?", "What do you see that is {}?", "What is {} here?",
    "Name the {} thing.", "Only one thing is {}. What is it?", "I am after the {} thing. What is it?",
    "What kind of thing is {}?")
PLACE_OF_THING = (
    "Where is the {}?", "In which part of the picture is the {}?", "Where can I find the {}?",
    "Where in the image is the {}?", "Help me find the {}.", "Say where the {} is.",
    "Where should I look for the {}?", "Whereabouts is the {}?")
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
    "What do you see that is {}?", "Find the {} thing. What is it?", "Tell me what is {}.",
    "What in the picture is {}?")
PRESENCE = (
    "Is there {}?", "Can you see {}?", "Does the picture show {}?", "Is {} in the image?",
    "Do you see {} here?", "Could I find {} here?", "Any sign of {}?", "Yes or no: is there {}?")
PRESENCE_OF_KIND = (
    "Are there any {}?", "Do you see any {}?", "Does the picture show {}?", "Can you spot any {}?",
    "Do {} appear anywhere?", "Yes or no: any {}?", "Did anyone draw {}?",
    "Would you say there are {} here?")
BESIDE = (
    "What is {}?", "Which thing is {}?", "Name the thing {}.", "What do you see {}?",
    "Something is {}. What is it?", "What stands {}?", "Look {}: what is there?", "Tell me what is {}.")
EXTREME = (
    "What color is the {}?", "The {}: which color?", "Tell me the color of the {}.",
    "Which color is the {}?", "Find the {}. What color is it?", "Name the color of the {}.",
    "And the {}, what color?", "What is the color of the {}?")
LARGEST = (
    "What is the {} thing in the picture?", "Which thing is the {}?", "Name the {} thing.",
    "Of all things, which is the {}?", "What is the {} here?", "Find the {} thing.",
    "Looking at all of them, which is the {}?", "Tell me what the {} thing is.")
COMPARE_NUMBERS = (
    "Are there more {}?", "Which are there more of: {}?", "What is there more of, {}?", "More {}?",
    "Count them: more {}?", "Which are more numerous, {}?", "Which do you see more of, {}?",
    "Is it {} that there are more of?")
HOW_MANY = (
    "How many {} are there? In a word.", "Say in a word how many {} you see.",
    "The number of {}, as a word?", "How many {}? Write it out.", "In words: how many {}?",
    "Spell out the number of {}.", "How many {} did you find, in words?",
    "Number of {}, written out, please.")
TOTAL = (
    "How many {} are there in all?", "Count all the {}, in a word.", "How many {} does the picture have?",
    "What is the total number of {}?", "Altogether, how many {}?", "How many {} in total?",
    "Count up all the {}.", "How many {} do you count?")
READS = (
    "What does the {} say?", "Read the {}.", "What is written on the {}?", "Which word is on the {}?",
    "Tell me what the {} says.", "Can you read the {}?", "What word can you read on the {}?",
    "What are the letters on the {}?")
SAYS = (
    'What color is the sign that says "{}"?', 'Which color is the sign with "{}" on it?',
    'The sign "{}": what color?', 'Find "{}". What color is that sign?', 'In what color is the "{}" sign?',
    'Name the color of the sign reading "{}".', 'A sign says "{}". What color is it?',
    'Tell me the color of the sign that reads "{}".')
IN_FRONT = (
    "What is in front of the {}?", "What hides part of the {}?", "Something covers the {}. What?",
    "Which thing is in front of the {}?", "What is partly covering the {}?",
    "Name what is in front of the {}.", "What is the {} partly hidden by?", "What is the {} behind?")
SETTING = (
    "What is the {} here?", "What is the {} of the picture?", "Describe the {} in a few words.",
    "What kind of {} is it?", "What {} do you see?", "Name the {}.", "What about the {}?",
    "Tell me about the {}.")
SAME_COLOR = (
    "Do {} have the same color?", "Are {} of the same color?", "Same color: {}?",
    "Is the color of {} the same?", "Look at {}. Same color?", "Do the colors of {} match?",
    "Compare {}: do the colors match?", "Yes or no: {} have the same color?")
NEAREST = (
    "What is closest to the {}?", "Which thing is nearest to the {}?", "What is next to the {}?",
    "Name the nearest neighbor of the {}.", "What is right beside the {}?",
    "What do you see closest to the {}?", "Starting from the {}, what is nearest?",
    "Which thing would you reach first from the {}?")
DESCRIBE = (
    "Describe the {}.", "Tell me about the {}.", "What can you say about the {}?", "How does the {} look?",
    "Say a few words about the {}.", "Give me some details on the {}.", "What about the {}?",
    "I cannot see the {}. Describe it.")
MOST_COMMON = (
    "Which {} occurs most often?", "What is the most common {}?", "Which {} do you see most?",
    "Name the {} seen most.", "Which {} is there most of?", "What is the most frequent {}?",
    "Which {} comes up most?", "What {} is there more of than any other?")
BETWEEN = (
    "How many {} are there? A word will do.", "In a word: how many {}?", "Count the {}, in words.",
    "The {}: how many, in words?", "Write out the number of {}.", "How many {} do you see, spelled out?",
    "Say how many {}, as a word.", "Number of {}, in a word?")
